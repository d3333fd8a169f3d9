"""The keys of SEARCH, as a tree. RFC 9051 §6.4.4.

Rules of this file:
1. A tree is bounded (`limits.SEARCH_KEYS`, `limits.NESTING`) and made of values.
2. All keys about a flag are `FlagKey`, whatever their spelling (SEEN, UNSEEN, KEYWORD).
3. Texts are decoded from the charset of the command.
4. A key of an extension derives from `SearchKey`.
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
    """Messages that match all of these keys; there are at least two."""

    keys: tuple[SearchKey, ...]


@dataclass(frozen=True, slots=True)
class Or(SearchKey):
    """Messages that match at least one of the two keys."""

    left: SearchKey
    right: SearchKey


@dataclass(frozen=True, slots=True)
class Not(SearchKey):
    """Messages that do not match the key."""

    key: SearchKey


@dataclass(frozen=True, slots=True)
class FlagKey(SearchKey):
    r"""Messages with the flag, or without it.

    RECENT and OLD are about `\Recent`; NEW is RECENT and UNSEEN. RFC 3501 §6.4.4.

    Attributes:
        flag: a system flag in its usual spelling (`\Seen`), or a keyword.
        present: with the flag; otherwise without it.
    """

    flag: str
    present: bool = True


@dataclass(frozen=True, slots=True)
class HeaderKey(SearchKey):
    """Messages with a header field that contains the text; with any such field if it is empty.

    Attributes:
        field: as it was written; the keys BCC, CC, FROM, SUBJECT and TO are in upper case.
        text: the text.
        address: the key was BCC, CC, FROM or TO: the text is searched in the envelope's addresses.
    """

    field: str
    text: str
    address: bool = False


class Place(Enum):
    """Where a text is searched."""

    BODY = "BODY"
    TEXT = "TEXT"
    """Header and body."""


@dataclass(frozen=True, slots=True)
class TextKey(SearchKey):
    """BODY and TEXT."""

    place: Place
    text: str


class Relation(Enum):
    """How a date compares; times and zones are ignored."""

    BEFORE = "BEFORE"
    ON = "ON"
    SINCE = "SINCE"


@dataclass(frozen=True, slots=True)
class DateKey(SearchKey):
    """BEFORE, ON and SINCE, of the internal date; SENTBEFORE, SENTON and SENTSINCE, of Date."""

    relation: Relation
    date: datetime.date
    sent: bool = False


@dataclass(frozen=True, slots=True)
class SizeKey(SearchKey):
    """LARGER and SMALLER: messages with more, or fewer, octets than this."""

    larger: bool
    size_octets: int


@dataclass(frozen=True, slots=True)
class SequenceKey(SearchKey):
    """A sequence set, or UID with one."""

    sequence: SequenceSet
    uid: bool = False


@dataclass(frozen=True, slots=True)
class ModseqKey(SearchKey):
    """MODSEQ: messages that were changed at or after this. RFC 7162 §3.1.5.

    Attributes:
        modseq: the number.
        entry: the entry name of a flag, if one was given; a server may ignore it.
        scope: priv, shared or all, if `entry` was given.
    """

    modseq: int
    entry: str | None = None
    scope: str | None = None


ALL: Final = All()
