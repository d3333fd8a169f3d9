"""What FETCH may be asked for: the items of its list. RFC 9051 §6.4.5.

Rules of this file:
1. Items are values: equal items are equal, hashable, and good keys for compiled lists.
2. An item of an extension derives from `FetchItem` and stands beside these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


class FetchItem:
    """The base of every item."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Attribute(FetchItem):
    """An item that is a word: FLAGS, UID, ENVELOPE, INTERNALDATE, RFC822.SIZE, BODY, BODYSTRUCTURE,
    MODSEQ, and words of extensions. In capitals.

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
        part: the part's numbers; empty for the message.
        text: "", HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT or MIME.
        fields: the names of HEADER.FIELDS[.NOT] as they were written.
        partial: which octets, or None for all.
        peek: leave Seen alone.
    """

    part: tuple[int, ...] = ()
    text: str = ""
    fields: tuple[str, ...] = ()
    partial: Partial | None = None
    peek: bool = False

    @property
    def name(self) -> str:
        """Part and text as the section is named: "1.2.MIME"; names of fields are left out."""
        numbers = ".".join(map(str, self.part))
        return f"{numbers}.{self.text}" if numbers and self.text else numbers or self.text

    @property
    def label(self) -> bytes:
        """How the response names it: `BODY[1.HEADER.FIELDS (DATE)]<0>`. RFC 9051 §7.5.2."""
        fields = f" ({' '.join(map(_field, self.fields))})" if self.fields else ""
        origin = f"<{self.partial.offset}>" if self.partial is not None else ""
        return f"BODY[{self.name}{fields}]{origin}".encode()


@dataclass(frozen=True, slots=True)
class Rfc822(FetchItem):
    """RFC822, RFC822.HEADER and RFC822.TEXT, which answer under their own names. RFC 3501 §6.4.5.

    Attributes:
        text: "" for the whole message, HEADER (leaves Seen alone) or TEXT.
    """

    text: str = ""

    @property
    def label(self) -> bytes:
        """How the response names it."""
        return f"RFC822.{self.text}".encode() if self.text else b"RFC822"


@dataclass(frozen=True, slots=True)
class BinarySection(FetchItem):
    """`BINARY[...]<...>` and `BINARY.PEEK[...]<...>`: a part, decoded. RFC 3516 §4.3."""

    part: tuple[int, ...] = ()
    partial: Partial | None = None
    peek: bool = False

    @property
    def label(self) -> bytes:
        """How the response names it."""
        origin = f"<{self.partial.offset}>" if self.partial is not None else ""
        return f"BINARY[{'.'.join(map(str, self.part))}]{origin}".encode()


@dataclass(frozen=True, slots=True)
class BinarySize(FetchItem):
    """`BINARY.SIZE[...]`: the octets of a part, decoded. RFC 3516 §4.3."""

    part: tuple[int, ...] = ()

    @property
    def label(self) -> bytes:
        """How the response names it."""
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
    """A field name as astring: names come bounded and of printable ASCII without specials, or
    quoted."""
    if name and not _SPECIALS.intersection(name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_SPECIALS: Final = frozenset('(){ %*"\\')
