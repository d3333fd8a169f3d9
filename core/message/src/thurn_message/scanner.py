r"""The scanner: one object that knows where everything in a message is.

`scan` reads the header's end and its fields at once. The MIME tree, ENVELOPE and BODYSTRUCTURE are
made at the first request and kept. Nothing here raises, whatever the octets are.

>>> message = scan(b"Subject: Hello\r\nTo: a@example.org\r\n\r\nText\r\n")
>>> message.get(b"subject")
b'Hello'
>>> message.envelope
b'(NIL "Hello" NIL NIL NIL ((NIL NIL "a" "example.org")) NIL NIL NIL NIL)'
>>> message.section("TEXT")
(37, 43)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from thurn_message.envelope import envelope
from thurn_message.fields import Field, find_header_end, header_doubts, read_fields, unfold
from thurn_message.limits import MAX_HEADER_FIELDS, MAX_HEADER_OCTETS
from thurn_message.mime.bodystructure import structures
from thurn_message.mime.part import Part
from thurn_message.mime.section import find_part, find_section
from thurn_message.mime.tree import build_tree

_FOLDS: Final = frozenset((b" ", b"\t"))
_new: Final = tuple.__new__


class Scan:
    """The places of a message's fields, parts and sections; read-only.

    Attributes:
        content: the octets, never changed and never copied.
        header_end: the offset after the empty line; without one, the length of the content.
        fields: the fields of the header in order.
    """

    __slots__ = (
        "_envelope",
        "_parts",
        "_structures",
        "content",
        "fields",
        "header_end",
    )

    def __init__(self, content: bytes, header: tuple[int, list[Field]] | None = None) -> None:
        self.content = content
        if header is None:
            self.header_end = find_header_end(content, 0, len(content))
            self.fields = read_fields(content, 0, self.header_end)
        else:
            self.header_end, self.fields = header
        self._parts: list[Part] | None = None
        self._envelope: bytes | None = None
        self._structures: tuple[bytes, bytes] | None = None

    def __len__(self) -> int:
        """The size of the message in octets."""
        return len(self.content)

    def value(self, field: Field) -> bytes:
        """The value of a field, unfolded; encoded words are not decoded."""
        return unfold(self.content[field.value : field.end])

    def get(self, name: bytes) -> bytes | None:
        """The value of the first field of that name (in lower case), unfolded, or None."""
        for field in self.fields:
            if field.name == name:
                return self.value(field)
        return None

    def get_all(self, name: bytes) -> list[bytes]:
        """The values of all fields of that name (in lower case), unfolded, in order."""
        return [self.value(field) for field in self.fields if field.name == name]

    @property
    def parts(self) -> list[Part]:
        """All parts in the order of the message, the root first, parents before children."""
        if self._parts is None:
            self._parts = build_tree(self.content, 0, self.header_end, self.fields)
        return self._parts

    @property
    def root(self) -> Part:
        """The message as a part."""
        return self.parts[0]

    @property
    def envelope(self) -> bytes:
        """ENVELOPE as ready IMAP bytes. RFC 3501 §7.4.2."""
        if self._envelope is None:
            self._envelope = envelope(self.content, self.fields)
        return self._envelope

    @property
    def bodystructure(self) -> bytes:
        """BODYSTRUCTURE as ready IMAP bytes. RFC 3501 §7.4.2."""
        return self._both[1]

    @property
    def body(self) -> bytes:
        """BODY, the form without extension data, as ready IMAP bytes. RFC 3501 §7.4.2."""
        return self._both[0]

    @property
    def _both(self) -> tuple[bytes, bytes]:
        if self._structures is None:
            self._structures = structures(self.content, self.parts)
        return self._structures

    def part(self, numbers: str) -> Part | None:
        """The part that `1.2` names, or None. RFC 3501 §6.4.5."""
        return find_part(self.root, numbers)

    def section(self, name: str) -> tuple[int, int] | None:
        """The span of a section (`1.2.MIME`, `2.HEADER`, `TEXT`, empty for all), or None."""
        return find_section(self.root, name)

    def walk_text(self) -> Iterator[Part]:
        """The parts of type text that are not attachments, in order."""
        return (part for part in self.parts if part.type == b"text" and not part.is_attachment)

    @property
    def header_doubts(self) -> list[str]:
        """The reasons why readers may understand the header differently; see `fields`."""
        return header_doubts(self.content, self.fields, self.header_end)

    @property
    def has_all_fields(self) -> bool:
        """Whether the header is within its bounds, so that `fields` lists all of its fields."""
        return len(self.fields) < MAX_HEADER_FIELDS and self.header_end <= MAX_HEADER_OCTETS

    @property
    def limits_reached(self) -> list[str]:
        """The bounds because of which this object lacks something, each a short phrase."""
        reached = [] if self.has_all_fields else ["header fields"]
        if any(part.opaque and part.type == b"application" for part in self.parts):
            reached.append("parts")
        return reached


def scan(content: bytes) -> Scan:
    """The scan of a message, from its octets alone; never raises.

    RFC 5322, RFC 2045, RFC 2046.
    """
    return Scan(content)


def scan_above(content: bytes, below: Scan) -> Scan:
    """The scan of the content of `below` with further fields above it.

    The result is that of `scan`, but if whole fields were added, those of `below` are moved down
    and not read again.
    """
    added = len(content) - len(below.content)
    above = read_fields(content, 0, added)
    if (
        not above
        or above[-1].end != added
        or content[added - 2 : added] != b"\r\n"
        or content[added : added + 1] in _FOLDS  # the first line continues the field above
        or find_header_end(content, 0, added) != added
        or below.header_end + added > MAX_HEADER_OCTETS
        or len(below.fields) + len(above) > MAX_HEADER_FIELDS
    ):
        return Scan(content)
    above += [
        _new(Field, (name, start + added, value + added, end + added))
        for name, start, value, end in below.fields
    ]
    return Scan(content, (below.header_end + added, above))
