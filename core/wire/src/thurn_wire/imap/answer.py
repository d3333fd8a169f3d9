"""What a server says, as values: the events of the client side.

Rules of this file:
1. A response of a known kind has a class; all others, those of extensions too, are `Untagged`.
2. What does not fit its kind is a `RemoteProtocolError`: nothing is guessed.
3. Mailbox names that are not in their encoding stay as they came, in place of being lost.

RFC 9051 §7, RFC 3501 §7.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from thurn_wire.imap import limits, mutf7, value
from thurn_wire.imap.error import RemoteProtocolError
from thurn_wire.imap.value import Value

_STATUS: Final = re.compile(
    rb"(OK|NO|BAD|BYE|PREAUTH)(?: (?:\[([^\]]*)\] ?)?(.*))?", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Code:
    """A response code: its word in capitals, and what stands behind it."""

    name: str
    arguments: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """OK, NO, BAD, BYE or PREAUTH. RFC 9051 §7.1.

    Attributes:
        name: the word, in capitals.
        code: what stands in brackets.
        text: for people.
        tag: of the command that is done with; None: untagged.
    """

    name: str
    code: Code | None
    text: str
    tag: bytes | None = None


@dataclass(frozen=True, slots=True)
class Continuation:
    """The server asks for more: a SASL response (the text is its challenge), or IDLE goes on."""

    text: bytes

    @property
    def challenge(self) -> bytes:
        """The text as a challenge.

        Raises:
            RemoteProtocolError: it is not base64.
        """
        try:
            return binascii.a2b_base64(self.text.strip(), strict_mode=True)
        except binascii.Error:
            raise RemoteProtocolError("a challenge that is not base64") from None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Names in capitals. RFC 9051 §7.2.2."""

    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Numbered:
    """EXISTS, RECENT or EXPUNGE with its number. RFC 9051 §7.4, §7.5."""

    name: str
    number: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """Items of a message: name in capitals to value. RFC 9051 §7.5.2.

    FLAGS is a tuple of str, UID, MODSEQ and RFC822.SIZE are int, contents are bytes or None, the
    rest is as it came.
    """

    number: int
    items: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Listed:
    r"""A line of LIST or LSUB. RFC 9051 §7.3.1.

    Attributes:
        attributes: as written: `\HasChildren` …
        separator: None: NIL.
        name: decoded.
        extended: the extended items, if there are any.
    """

    attributes: tuple[str, ...]
    separator: str | None
    name: str
    extended: tuple[Value, ...] = ()
    lsub: bool = False


@dataclass(frozen=True, slots=True)
class Statuses:
    """The answer of STATUS; NIL is None. RFC 9051 §7.3.3."""

    name: str
    items: Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class Found:
    """The answer of SEARCH, also of ESEARCH.

    Attributes:
        numbers: of SEARCH; ESEARCH's are in `results["ALL"]`, as a sequence set.
        tag, uid: of ESEARCH.
        results: of ESEARCH: MIN, MAX, COUNT, MODSEQ as int, ALL as str.
        modseq: of SEARCH. RFC 7162 §3.1.5.
    """

    numbers: tuple[int, ...] = ()
    modseq: int | None = None
    tag: bytes | None = None
    uid: bool = False
    results: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Untagged:
    """Any other response: its word in capitals, its number if it began with one, its values."""

    name: str
    values: tuple[Value, ...] = ()
    number: int | None = None


Answer: TypeAlias = (
    Condition
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
    """A whole response without its last CRLF, its literals within.

    Raises:
        RemoteProtocolError: it is none.
    """
    if octets[:1] == b"+":
        return Continuation(octets[2:])
    tag, _, rest = octets.partition(b" ")
    condition = _condition(rest, None if tag == b"*" else tag)
    if condition is not None:
        return condition
    if tag != b"*":
        raise RemoteProtocolError("a response that is neither tagged nor untagged")
    name, _, arguments = rest.partition(b" ")
    if name.isdigit():
        return _numbered(name, arguments)
    word = name.decode("ascii", "replace").upper()
    found = value.values(arguments)
    make = _KINDS.get(word)
    return make(word, found, utf8) if make is not None else Untagged(word, found)


def _condition(octets: bytes, tag: bytes | None) -> Condition | None:
    found = _STATUS.fullmatch(octets)
    if found is None:
        return None
    name, inside, words = found.groups()
    code = None
    if inside:
        word, _, arguments = inside.partition(b" ")
        code = Code(word.decode("ascii", "replace").upper(), _arguments(arguments))
    text = (words or b"").decode("utf-8", "replace")
    return Condition(name.decode("ascii").upper(), code, text, tag)


def _arguments(octets: bytes) -> tuple[Value, ...]:
    """The arguments of a code; free text, which some servers put there, as one word."""
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


def _fetched(number: int, found: tuple[Value, ...]) -> Fetched:
    if len(found) != 1:
        raise RemoteProtocolError("FETCH without its list")
    inside = value.items(found[0])
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
    """A mailbox name, decoded; one that is not in its encoding as it came."""
    if each is None:
        # A mailbox may be called NIL, and some servers do not quote it.
        return "NIL"
    octets = value.octets(each)
    try:
        return octets.decode() if utf8 else mutf7.decode(octets)
    except ValueError:
        return octets.decode("utf-8", "replace")


def _listed(word: str, found: tuple[Value, ...], utf8: bool) -> Answer:
    if len(found) not in (3, 4):
        raise RemoteProtocolError(f"{word} without attributes, separator and name")
    attributes, separator, name = found[:3]
    return Listed(
        value.words(attributes),
        None if separator is None else value.text(separator),
        mailbox(name, utf8=utf8),
        value.items(found[3]) if len(found) == 4 else (),
        word == "LSUB",
    )


def _statuses(word: str, found: tuple[Value, ...], utf8: bool) -> Answer:
    if len(found) != 2:
        raise RemoteProtocolError(f"{word} without name and items")
    inside = value.items(found[1])
    if len(inside) % 2:
        raise RemoteProtocolError(f"{word} with an item without a value")
    items = {
        value.text(name).upper(): None if each is None else value.number(each)
        for name, each in zip(inside[::2], inside[1::2], strict=True)
    }
    return Statuses(mailbox(found[0], utf8=utf8), items)


def _found(_word: str, found: tuple[Value, ...], _utf8: bool) -> Answer:
    modseq = None
    if found and isinstance(found[-1], tuple):
        modseq = value.number(found[-1][-1]) if found[-1] else None
        found = found[:-1]
    return Found(tuple([value.number(each) for each in found]), modseq)


def _esearch(_word: str, found: tuple[Value, ...], _utf8: bool) -> Answer:
    rest = list(found)
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


def _capabilities(_word: str, found: tuple[Value, ...], _utf8: bool) -> Answer:
    return capabilities(found)


def capabilities(found: tuple[Value, ...]) -> Capabilities:
    """The names of CAPABILITY, from a response or a code."""
    return Capabilities(frozenset(value.text(each).upper() for each in found))


_KINDS: Final[Mapping[str, Callable[[str, tuple[Value, ...], bool], Answer]]] = {
    "CAPABILITY": _capabilities,
    "ESEARCH": _esearch,
    "LIST": _listed,
    "LSUB": _listed,
    "SEARCH": _found,
    "STATUS": _statuses,
}
