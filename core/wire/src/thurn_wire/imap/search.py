"""What SEARCH may be asked for: keys as a tree. RFC 9051 §6.4.4.

Rules of this file:
1. A tree is bounded (`limits.SEARCH_KEYS`, `limits.NESTING`) and made of values.
2. Keys that are words for a flag are `FlagKey`, whatever their spelling (SEEN, UNSEEN, KEYWORD).
3. Texts are decoded from the command's charset.
4. A key of an extension derives from `SearchKey` and stands beside these.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import Enum
from typing import Final

from thurn_wire.imap.sequence import SequenceSet


class SearchKey:
    """The base of every key."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class All(SearchKey):
    """Every message."""


@dataclass(frozen=True, slots=True)
class And(SearchKey):
    """All of these; at least two."""

    keys: tuple[SearchKey, ...]


@dataclass(frozen=True, slots=True)
class Or(SearchKey):
    """Either of the two."""

    left: SearchKey
    right: SearchKey


@dataclass(frozen=True, slots=True)
class Not(SearchKey):
    """Those that the key does not match."""

    key: SearchKey


@dataclass(frozen=True, slots=True)
class FlagKey(SearchKey):
    r"""Messages with (or without) the flag: `\Seen` in its usual spelling, or a keyword.

    RECENT and OLD are `\Recent`; NEW is both RECENT and UNSEEN. RFC 3501 §6.4.4.
    """

    flag: str
    present: bool = True


@dataclass(frozen=True, slots=True)
class HeaderKey(SearchKey):
    """A header field that contains the text; an empty text: the field is there.

    Attributes:
        field: as written; BCC, CC, FROM, SUBJECT and TO are written in capitals.
        text: what is looked for.
        address: the key was BCC, CC, FROM or TO, whose text is that of the envelope's addresses.
    """

    field: str
    text: str
    address: bool = False


class Place(Enum):
    """Where a text is looked for."""

    BODY = "BODY"
    TEXT = "TEXT"
    """Header and body."""


@dataclass(frozen=True, slots=True)
class TextKey(SearchKey):
    """BODY and TEXT."""

    place: Place
    text: str


class Relation(Enum):
    """How a date compares, times and zones left aside."""

    BEFORE = "BEFORE"
    ON = "ON"
    SINCE = "SINCE"


@dataclass(frozen=True, slots=True)
class DateKey(SearchKey):
    """BEFORE, ON, SINCE (of the internal date), SENTBEFORE, SENTON, SENTSINCE (of Date)."""

    relation: Relation
    date: datetime.date
    sent: bool = False


@dataclass(frozen=True, slots=True)
class SizeKey(SearchKey):
    """LARGER and SMALLER: more, or fewer, octets than this."""

    larger: bool
    size_octets: int


@dataclass(frozen=True, slots=True)
class SequenceKey(SearchKey):
    """A sequence set, or UID with one."""

    sequence: SequenceSet
    uid: bool = False


@dataclass(frozen=True, slots=True)
class ModseqKey(SearchKey):
    """MODSEQ: changed at or after this. RFC 7162 §3.1.5.

    Attributes:
        modseq: the number.
        entry: the flag's entry name, if one was given; a server may leave it aside.
        scope: priv, shared or all; given with `entry`.
    """

    modseq: int
    entry: str | None = None
    scope: str | None = None


ALL: Final = All()
