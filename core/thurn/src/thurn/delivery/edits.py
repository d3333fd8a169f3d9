"""Carries out edits of a message's header. The body is never changed.

Rules of this file:
1. New fields are put above everything else. Fields are removed from the octets as they are, and no
   other field is written anew.
2. A name or value that could end its field, or a line that is too long to be sent, is an error.
"""

from __future__ import annotations

from collections.abc import Iterable

from thurn_message.headerfield import header, text_header, whole_fields

from thurn.types.content import Blob, Content
from thurn.types.decision import Edit, InsertFields, InsertHeader, RemoveHeader, ReplaceHeader


def edit_header(content: Content, edits: Iterable[Edit]) -> Content:
    """The message after the edits of its header, in their order; other edits are ignored.

    Raises:
        ValueError: a name or value that cannot stand in a header (line ends, controls).
    """
    for edit in edits:
        match edit:
            case InsertHeader(name, value):
                content = content.prepend(_field(name, value))
            case InsertFields(octets):
                content = content.prepend(whole_fields(octets))
            case ReplaceHeader(name, value):
                content = without_fields(content, name).prepend(_field(name, value))
            case RemoveHeader(name):
                content = without_fields(content, name)
    return content


def without_fields(content: Content, *names: str) -> Content:
    """The message without the fields of these names; the same object if it has none of them."""
    unwanted = {name.lower().encode() for name in names}
    scan = content.scan
    fields = [field for field in scan.fields if field.name in unwanted]
    if not fields:
        return content
    octets, pieces, position = scan.content, [], 0
    for field in fields:
        pieces.append(octets[position : field.start])
        position = field.end
    pieces.append(octets[position:])
    return Content(Blob(b"".join(pieces)))


def _field(name: str, value: str) -> bytes:
    return header(name, value) if value.isascii() else text_header(name, value)
