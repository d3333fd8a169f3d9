"""The items of FETCH. RFC 9051 §6.4.5.

Rules of this file:
1. Items are values: hashable, and usable as keys for compiled lists.
2. An item of an extension derives from `FetchItem`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


class FetchItem:
    """The base of every item."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Attribute(FetchItem):
    """An item that is only a word, in upper case: FLAGS, UID, ENVELOPE, INTERNALDATE, RFC822.SIZE,
    BODY, BODYSTRUCTURE, MODSEQ, and words of extensions.

    `BODY` is the structure without extension fields; contents are `BodySection`.
    """

    name: str


@dataclass(frozen=True, slots=True)
class Partial:
    """`<offset.count>`: at most `count` octets from `offset` on. RFC 9051 §6.4.5.1."""

    offset: int
    count: int


@dataclass(frozen=True, slots=True)
class BodySection(FetchItem):
    """`BODY[...]<...>` and `BODY.PEEK[...]<...>`.

    Attributes:
        part: the numbers of the part; empty for the message.
        text: "", HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT or MIME.
        fields: the names of HEADER.FIELDS[.NOT], as they were written.
        partial: the octets that are asked for; None: all.
        peek: Seen is not set.
    """

    part: tuple[int, ...] = ()
    text: str = ""
    fields: tuple[str, ...] = ()
    partial: Partial | None = None
    peek: bool = False

    @property
    def name(self) -> str:
        """The section's name without the names of fields: "1.2.MIME"."""
        numbers = ".".join(map(str, self.part))
        return f"{numbers}.{self.text}" if numbers and self.text else numbers or self.text

    @property
    def label(self) -> bytes:
        """The item's name in the response: `BODY[1.HEADER.FIELDS (DATE)]<0>`. RFC 9051 §7.5.2."""
        fields = f" ({' '.join(map(_field, self.fields))})" if self.fields else ""
        origin = f"<{self.partial.offset}>" if self.partial is not None else ""
        return f"BODY[{self.name}{fields}]{origin}".encode()


@dataclass(frozen=True, slots=True)
class Rfc822(FetchItem):
    """RFC822, RFC822.HEADER and RFC822.TEXT, which keep their names in the response.

    Attributes:
        text: "" for the whole message, HEADER (which does not set Seen) or TEXT.

    RFC 3501 §6.4.5.
    """

    text: str = ""

    @property
    def label(self) -> bytes:
        """The item's name in the response."""
        return f"RFC822.{self.text}".encode() if self.text else b"RFC822"


@dataclass(frozen=True, slots=True)
class BinarySection(FetchItem):
    """`BINARY[...]<...>` and `BINARY.PEEK[...]<...>`: a part, decoded. RFC 3516 §4.3."""

    part: tuple[int, ...] = ()
    partial: Partial | None = None
    peek: bool = False

    @property
    def label(self) -> bytes:
        """The item's name in the response."""
        origin = f"<{self.partial.offset}>" if self.partial is not None else ""
        return f"BINARY[{'.'.join(map(str, self.part))}]{origin}".encode()


@dataclass(frozen=True, slots=True)
class BinarySize(FetchItem):
    """`BINARY.SIZE[...]`: the octets of a part, decoded. RFC 3516 §4.3."""

    part: tuple[int, ...] = ()

    @property
    def label(self) -> bytes:
        """The item's name in the response."""
        return f"BINARY.SIZE[{'.'.join(map(str, self.part))}]".encode()


UID: Final = Attribute("UID")
FLAGS: Final = Attribute("FLAGS")
ENVELOPE: Final = Attribute("ENVELOPE")
INTERNALDATE: Final = Attribute("INTERNALDATE")
RFC822_SIZE: Final = Attribute("RFC822.SIZE")
BODY: Final = Attribute("BODY")
BODYSTRUCTURE: Final = Attribute("BODYSTRUCTURE")
MODSEQ: Final = Attribute("MODSEQ")


def _field(name: str) -> str:
    """A field name as astring: the grammar lets only printable ASCII through."""
    if name and not _SPECIALS.intersection(name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_SPECIALS: Final = frozenset('(){ %*"\\')
