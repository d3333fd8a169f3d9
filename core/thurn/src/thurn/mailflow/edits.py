"""Carries out the edits that a filter asks for: header and envelope, never the body."""

from __future__ import annotations

from collections.abc import Iterable

from thurn_message.headerfield import header, text_header

from thurn.types.content import Blob, Content
from thurn.types.decision import Edit, InsertHeader, RemoveHeader, ReplaceHeader


def edit_header(content: Content, edits: Iterable[Edit]) -> Content:
    """The message after header edits, in their order; envelope edits are passed over.

    Raises:
        ValueError: a name or value that cannot stand in a header (line ends, controls).
    """
    for edit in edits:
        match edit:
            case InsertHeader(name, value):
                content = content.prepend(_field(name, value))
            case ReplaceHeader(name, value):
                content = _without(content, name).prepend(_field(name, value))
            case RemoveHeader(name):
                content = _without(content, name)
    return content


def _field(name: str, value: str) -> bytes:
    return header(name, value) if value.isascii() else text_header(name, value)


def _without(content: Content, name: str) -> Content:
    """The message without the fields of this name; the same object when there are none."""
    wanted = name.lower().encode()
    scan = content.scan
    gone = [field for field in scan.fields if field.name == wanted]
    if not gone:
        return content
    octets, pieces, position = scan.content, [], 0
    for field in gone:
        pieces.append(octets[position : field.start])
        position = field.end
    pieces.append(octets[position:])
    return Content(Blob(b"".join(pieces)))
