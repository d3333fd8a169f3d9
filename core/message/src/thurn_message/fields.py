"""Where the fields of a header are: offsets into the content, which is not copied.

Rules of this file:
1. Only its first empty line ends a header; without one, the header is the whole content.
2. A field begins at a line of the shape `name:` (white space before the colon is tolerated,
   RFC 5322 §4.5) and reaches up to the next line that does not begin with white space.
3. A line of any other shape is not a field and ends the field before it; it stays in the header.
4. Lines end in CRLF; LF alone is accepted as well.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from thurn_message.limits import MAX_HEADER_FIELDS, MAX_HEADER_OCTETS

# field-name = 1*ftext ; ftext = %d33-57 / %d59-126 (RFC 5322 §3.6.8)
_FIELD: Final = re.compile(rb"\n(?:([!-9;-~]++)[ \t]*+:[ \t]*+|(?![ \t]))")
_FIRST_FIELD: Final = re.compile(rb"([!-9;-~]++)[ \t]*+:[ \t]*+")
_new: Final = tuple.__new__
"""A way to make a `Field` without the Python function that a NamedTuple's own call runs."""
_BARE_END: Final = re.compile(rb"\r(?!\n)|(?<!\r)\n")


class Field(NamedTuple):
    """One field of a header, as offsets.

    Attributes:
        name: the name in lower case.
        start: the first octet of the name.
        value: the first octet of the value, after the colon and white space.
        end: the offset after the field's last line end.
    """

    name: bytes
    start: int
    value: int
    end: int


def find_header_end(content: bytes, start: int, end: int) -> int:
    """The offset after the empty line that ends the header, or `end` without one."""
    if content.startswith(b"\r\n", start, end):
        return start + 2
    if content.startswith(b"\n", start, end):
        return start + 1
    crlf = content.find(b"\n\r\n", start, end)
    lf = content.find(b"\n\n", start, end if crlf < 0 else crlf + 1)
    if lf >= 0:
        return lf + 2
    return crlf + 3 if crlf >= 0 else end


def read_fields(content: bytes, start: int, end: int) -> list[Field]:
    """The fields between two offsets, in order, up to `MAX_HEADER_FIELDS`.

    RFC 5322 §2.2.
    """
    stop = min(end, start + MAX_HEADER_OCTETS)
    fields: list[Field] = []
    append = fields.append
    match = _FIRST_FIELD.match(content, start, stop)
    name, begin, value = (match[1], start, match.end()) if match else (None, 0, 0)
    for match in _FIELD.finditer(content, start, stop):
        after = match.start() + 1
        if name is not None:
            append(_new(Field, (name.lower(), begin, value, after)))
            if len(fields) == MAX_HEADER_FIELDS:
                return fields
        name, begin, value = match[1], after, match.end()
    if name is not None:
        append(_new(Field, (name.lower(), begin, value, stop)))
    return fields


def unfold(raw: bytes) -> bytes:
    """The value as one line: line ends removed, white space at both ends removed.

    RFC 5322 §2.2.3.
    """
    if raw.endswith(b"\r\n"):
        raw = raw[:-2]  # the usual value is one line
    if b"\n" in raw:
        raw = raw.replace(b"\r\n", b"").replace(b"\n", b"")
    return raw.strip(b" \t")


def header_doubts(content: bytes, fields: list[Field], end: int) -> list[str]:
    """The reasons why readers may understand a header differently; empty for a clean header.

    Code that must be sure of a header (the sender check) asks for them; readers do not.
    """
    doubts = []
    header = content[:end]
    if b"\0" in header:
        doubts.append("NUL in the header")
    if _BARE_END.search(header) is not None:
        doubts.append("bare CR or LF in the header")
    if any(content[field.start + len(field.name)] != 0x3A for field in fields):
        doubts.append("white space before a colon")
    covered = sum(field.end - field.start for field in fields)
    if end - covered > 2:  # only the empty line belongs to no field
        doubts.append("lines that are not fields")
    return doubts
