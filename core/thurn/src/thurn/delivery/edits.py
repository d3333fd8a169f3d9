"""Carries out edits of a message's header; the body is never touched.

Rules of this file:
1. Fields that are put in stand above everything that was there; fields that are taken out are
   taken from the octets as they are, and nothing else is written anew.
2. A name or value that could end its field, or a line that nobody may send, raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from thurn_message.headerfield import MAX_LINE_OCTETS, header, text_header

from thurn.types.content import Blob, Content
from thurn.types.decision import Edit, InsertFields, InsertHeader, RemoveHeader, ReplaceHeader

_FIRST_LINE: Final = re.compile(rb"[!-9;-~]+:[^\r\n\0]*+")
_NEXT_LINE: Final = re.compile(rb"[ \t][^\r\n\0]*+")


def edit_header(content: Content, edits: Iterable[Edit]) -> Content:
    """The message after the edits of its header, in their order; others are passed over.

    Raises:
        ValueError: a name or value that cannot stand in a header (line ends, controls).
    """
    for edit in edits:
        match edit:
            case InsertHeader(name, value):
                content = content.prepend(_field(name, value))
            case InsertFields(octets):
                content = content.prepend(_checked(octets))
            case ReplaceHeader(name, value):
                content = without_fields(content, name).prepend(_field(name, value))
            case RemoveHeader(name):
                content = without_fields(content, name)
    return content


def without_fields(content: Content, *names: str) -> Content:
    """The message without the fields of these names; the same object when it has none of them."""
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


def _checked(octets: bytes) -> bytes:
    """Whole header fields as they are. Raises ValueError. RFC 5322 §2.2."""
    *lines, rest = octets.split(b"\r\n")
    if rest or not lines or _FIRST_LINE.fullmatch(lines[0]) is None:
        raise ValueError("not whole header fields")
    for line in lines:
        if len(line) > MAX_LINE_OCTETS:
            raise ValueError("line of a header too long")
        if not (_FIRST_LINE.fullmatch(line) or _NEXT_LINE.fullmatch(line)) or not line.strip():
            raise ValueError("not whole header fields")
    return octets
