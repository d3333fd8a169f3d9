"""What a server answers, as the client reads it: the events of the client engine.

Rules of this file:
1. A response of a known kind has a class; all others, those of extensions too, are `Untagged`.
2. A server is a stranger: what does not fit its kind is a `RemoteProtocolError`, not guessed.
3. Mailbox names that are not in their encoding are returned as they came: they are not lost.

RFC 9051 §7, RFC 3501 §7.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from thurn_wire.error import RemoteProtocolError
from thurn_wire.event import Challenge
from thurn_wire.imap import limits, mutf7, value
from thurn_wire.imap.reply import Condition
from thurn_wire.imap.value import Value

_STATUS: Final = re.compile(
    rb"(OK|NO|BAD|BYE|PREAUTH)(?: (?:\[([^\]]*)\] ?)?(.*))?", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Code:
    """A response code: its word in upper case, and the values behind it."""

    name: str
    arguments: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """A command is answered, or the server says OK, NO, BAD, BYE or PREAUTH. RFC 9051 §7.1.

    Attributes:
        condition: the first word.
        code: the response code; None if it is missing.
        text: for people.
        tag: the tag of the command that is answered; None: untagged.
    """

    condition: Condition
    code: Code | None
    text: str
    tag: bytes | None = None


@dataclass(frozen=True, slots=True)
class Continuation:
    """The server asks for more: IDLE has begun. RFC 9051 §7.6."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Capabilities:
    """CAPABILITY: names in upper case. RFC 9051 §7.2.2."""

    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Numbered:
    """EXISTS, RECENT or EXPUNGE with its number. RFC 9051 §7.4, §7.5."""

    name: str
    number: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """FETCH: name of an item in upper case to its value. RFC 9051 §7.5.2.

    FLAGS is a tuple of str; UID, MODSEQ and RFC822.SIZE are int; contents are bytes or None; other
    values are as they came.
    """

    number: int
    items: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Listed:
    r"""A line of LIST or LSUB. RFC 9051 §7.3.1.

    Attributes:
        attributes: as written: `\HasChildren` …
        separator: of the hierarchy; None for NIL.
        name: decoded.
        extended: the extended items.
        lsub: the line is of LSUB.
    """

    attributes: tuple[str, ...]
    separator: str | None
    name: str
    extended: tuple[Value, ...] = ()
    lsub: bool = False


@dataclass(frozen=True, slots=True)
class Statuses:
    """The answer to STATUS; NIL is None. RFC 9051 §7.3.3."""

    name: str
    items: Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to SEARCH, in both forms: SEARCH and ESEARCH.

    Attributes:
        numbers: the numbers of SEARCH; those of ESEARCH are in `results["ALL"]`, as a sequence set.
        modseq: the highest MODSEQ, of SEARCH. RFC 7162 §3.1.5.
        tag: the tag of the command, of ESEARCH.
        uid: the numbers are UIDs, of ESEARCH.
        results: MIN, MAX, COUNT, MODSEQ as int, ALL as str, of ESEARCH.
    """

    numbers: tuple[int, ...] = ()
    modseq: int | None = None
    tag: bytes | None = None
    uid: bool = False
    results: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Untagged:
    """Any other response: its word in upper case, the number before it, the values behind it."""

    name: str
    values: tuple[Value, ...] = ()
    number: int | None = None


Answer: TypeAlias = (
    Answered
    | Challenge
    | Continuation
    | Capabilities
    | Numbered
    | Fetched
    | Listed
    | Statuses
    | Found
    | Untagged
)


def parse(octets: bytes, *, utf8: bool = False) -> Answer:
    """Read a whole response, with its literals and without its last CRLF.

    Raises:
        RemoteProtocolError: the octets are not a response.
    """
    if octets[:1] == b"+":
        return Continuation(octets[2:])
    tag, _, rest = octets.partition(b" ")
    answered = _answered(rest, None if tag == b"*" else tag)
    if answered is not None:
        return answered
    if tag != b"*":
        raise RemoteProtocolError("a response that is neither tagged nor untagged")
    name, _, arguments = rest.partition(b" ")
    if name.isdigit():
        return _numbered(name, arguments)
    word = name.decode("ascii", "replace").upper()
    values = value.values(arguments)
    make = _KINDS.get(word)
    return make(word, values, utf8) if make is not None else Untagged(word, values)


def _answered(octets: bytes, tag: bytes | None) -> Answered | None:
    match = _STATUS.fullmatch(octets)
    if match is None:
        return None
    name, inside, words = match.groups()
    code = None
    if inside:
        word, _, arguments = inside.partition(b" ")
        code = Code(word.decode("ascii", "replace").upper(), _arguments(arguments))
    text = (words or b"").decode("utf-8", "replace")
    return Answered(Condition(name.decode("ascii").upper()), code, text, tag)


def _arguments(octets: bytes) -> tuple[Value, ...]:
    """The arguments of a code; free text, which some servers write there, is one value."""
    try:
        return value.values(octets)
    except RemoteProtocolError:
        return (octets.decode("utf-8", "replace"),)


def _numbered(digits: bytes, octets: bytes) -> Answer:
    if len(digits) > limits.NUMBER_DIGITS:
        raise RemoteProtocolError("a number of too many digits")
    number = int(digits)
    name, _, arguments = octets.partition(b" ")
    word = name.decode("ascii", "replace").upper()
    if word == "FETCH":
        return _fetched(number, value.values(arguments))
    if word in ("EXISTS", "RECENT", "EXPUNGE"):
        return Numbered(word, number)
    return Untagged(word, value.values(arguments), number)


def _fetched(number: int, values: tuple[Value, ...]) -> Fetched:
    if len(values) != 1:
        raise RemoteProtocolError("FETCH without its list")
    inside = value.items(values[0])
    if len(inside) % 2:
        raise RemoteProtocolError("FETCH with an item without a value")
    items: dict[str, Value] = {}
    for name, each in zip(inside[::2], inside[1::2], strict=True):
        word = value.text(name).upper()
        items[word] = _WORDS[word](each) if word in _WORDS else each
    return Fetched(number, items)


def _modseq(each: Value) -> Value:
    return value.number(value.items(each)[0]) if value.items(each) else 0


_WORDS: Final[Mapping[str, Callable[[Value], Value]]] = {
    "FLAGS": value.words,
    "MODSEQ": _modseq,
    "RFC822.SIZE": value.number,
    "UID": value.number,
}


def mailbox(each: Value, *, utf8: bool) -> str:
    """A mailbox name, decoded; as it came if it is not in its encoding."""
    if each is None:
        # A mailbox may be called NIL, and some servers do not quote it.
        return "NIL"
    octets = value.octets(each)
    try:
        return octets.decode() if utf8 else mutf7.decode(octets)
    except ValueError:
        return octets.decode("utf-8", "replace")


def _listed(word: str, values: tuple[Value, ...], utf8: bool) -> Answer:
    if len(values) not in (3, 4):
        raise RemoteProtocolError(f"{word} without attributes, separator and name")
    attributes, separator, name = values[:3]
    return Listed(
        value.words(attributes),
        None if separator is None else value.text(separator),
        mailbox(name, utf8=utf8),
        value.items(values[3]) if len(values) == 4 else (),
        word == "LSUB",
    )


def _statuses(word: str, values: tuple[Value, ...], utf8: bool) -> Answer:
    if len(values) != 2:
        raise RemoteProtocolError(f"{word} without name and items")
    inside = value.items(values[1])
    if len(inside) % 2:
        raise RemoteProtocolError(f"{word} with an item without a value")
    items = {
        value.text(name).upper(): None if each is None else value.number(each)
        for name, each in zip(inside[::2], inside[1::2], strict=True)
    }
    return Statuses(mailbox(values[0], utf8=utf8), items)


def _search(_word: str, values: tuple[Value, ...], _utf8: bool) -> Answer:
    modseq = None
    if values and isinstance(values[-1], tuple):
        modseq = value.number(values[-1][-1]) if values[-1] else None
        values = values[:-1]
    return Found(tuple([value.number(each) for each in values]), modseq)


def _esearch(_word: str, values: tuple[Value, ...], _utf8: bool) -> Answer:
    rest = list(values)
    tag = None
    if rest and isinstance(rest[0], tuple):
        correlator = rest.pop(0)
        tag = value.octets(value.items(correlator)[-1]) if correlator else None
    uid = bool(rest) and rest[0] == "UID"
    rest = rest[uid:]
    if len(rest) % 2:
        raise RemoteProtocolError("ESEARCH with a result without a value")
    results: dict[str, Value] = {}
    for name, each in zip(rest[::2], rest[1::2], strict=True):
        word = value.text(name).upper()
        # A set of one number looks like a number.
        results[word] = str(each) if word == "ALL" else each
    return Found(tag=tag, uid=uid, results=results)


def _capabilities(_word: str, values: tuple[Value, ...], _utf8: bool) -> Answer:
    return capabilities(values)


def capabilities(values: tuple[Value, ...]) -> Capabilities:
    """The names of CAPABILITY, from a response or a code."""
    return Capabilities(frozenset(value.text(each).upper() for each in values))


_KINDS: Final[Mapping[str, Callable[[str, tuple[Value, ...], bool], Answer]]] = {
    "CAPABILITY": _capabilities,
    "ESEARCH": _esearch,
    "LIST": _listed,
    "LSUB": _listed,
    "SEARCH": _search,
    "STATUS": _statuses,
}
