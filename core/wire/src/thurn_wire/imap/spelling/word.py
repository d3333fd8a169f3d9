"""Words of commands as octets.

Rules of this file:
1. No argument breaks out of its place: what cannot be quoted is a literal, what must be an atom and
   is not is a `LocalProtocolError`, and line ends are only in literals.
2. A command is a list of octets and `Literal`s; the engine announces literals.

RFC 9051 §9.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from thurn_wire.error import LocalProtocolError
from thurn_wire.imap import mutf7
from thurn_wire.imap.sequence import SequenceSet

_ATOM: Final = re.compile(r"\\?[!#$&'+-\[^-z|}~]+")
_ASTRING: Final = re.compile(rb"[!#$&'+-\[\]^-z|}~]+")
_NEEDS_LITERAL: Final = re.compile(rb"[\r\n\x80-\xff]")
_MONTHS: Final = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
)


@dataclass(frozen=True, slots=True)
class Literal:
    """Octets that are sent as a literal."""

    octets: bytes
    binary: bool = False


Piece: TypeAlias = bytes | Literal


class Words:
    """The words of a command, in their order."""

    __slots__ = ("pieces", "utf8")

    def __init__(self, name: str, *, utf8: bool = False) -> None:
        self.utf8 = utf8
        self.pieces: list[Piece] = [name.encode("ascii")]

    def raw(self, octets: bytes) -> Words:
        """Add a space and these octets.

        Raises:
            LocalProtocolError: they hold a line end or NUL.
        """
        return self.joined(b" " + octets)

    def joined(self, octets: bytes) -> Words:
        """Add these octets without a space.

        Raises:
            LocalProtocolError: they hold a line end or NUL.
        """
        if b"\r" in octets or b"\n" in octets or b"\0" in octets:
            raise LocalProtocolError("a line end in a command")
        self.pieces.append(octets)
        return self

    def string(self, text: str | bytes) -> Words:
        """Add a space and an astring: an atom, a quoted string or a literal, the first possible."""
        octets = text if isinstance(text, bytes) else encoded(text)
        if b"\0" in octets:
            raise LocalProtocolError("NUL in a string")
        if _NEEDS_LITERAL.search(octets):
            self.pieces += (b" ", Literal(octets))
        elif _ASTRING.fullmatch(octets) and octets.upper() != b"NIL":
            self.pieces.append(b" " + octets)
        else:
            self.pieces.append(b" " + quoted(octets))
        return self

    def mailbox(self, name: str) -> Words:
        """Add a space and a mailbox name, or a pattern of LIST."""
        if self.utf8:
            return self.string(name)
        try:
            return self.string(mutf7.encode(name))
        except ValueError:
            raise LocalProtocolError("a mailbox name that cannot be spelled") from None

    def literal(self, octets: bytes, *, binary: bool = False) -> Words:
        """Add a space and a literal."""
        self.pieces += (b" ", Literal(octets, binary))
        return self


def encoded(text: str) -> bytes:
    """The text in UTF-8.

    Raises:
        LocalProtocolError: a lone surrogate.
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise LocalProtocolError("text that is not Unicode") from None


def quotable(octets: bytes) -> bool:
    """Whether the octets can be a quoted string."""
    return b"\0" not in octets and _NEEDS_LITERAL.search(octets) is None


def quoted(octets: bytes) -> bytes:
    """A quoted string of octets that are `quotable`."""
    return b'"%b"' % octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def atom(text: str) -> bytes:
    """An atom or flag.

    Raises:
        LocalProtocolError: the text is neither.
    """
    if not _ATOM.fullmatch(text):
        raise LocalProtocolError(f"{text!r} is not an atom")
    return text.encode("ascii")


def atoms(names: tuple[str, ...]) -> bytes:
    """A list of atoms in parentheses."""
    return b"(%b)" % b" ".join(map(atom, names))


def sequence(numbers: SequenceSet) -> bytes:
    """A sequence set as it was written."""
    if numbers.name:
        return numbers.name.encode("ascii")
    if not numbers.ranges:
        raise LocalProtocolError("an empty sequence set")
    return ",".join(
        _end(low) if low == high else f"{_end(low)}:{_end(high)}" for low, high in numbers.ranges
    ).encode("ascii")


def _end(number: int | None) -> str:
    return "*" if number is None else str(number)


def date(day: datetime.date) -> bytes:
    """A date of SEARCH."""
    return f"{day.day}-{_MONTHS[day.month - 1]}-{day.year:04}".encode("ascii")


def date_time(moment: datetime.datetime) -> bytes:
    """A date-time of APPEND."""
    zone = moment.strftime("%z")[:5] or "+0000"
    return (
        f'"{moment.day:2}-{_MONTHS[moment.month - 1]}-{moment.year:04} '
        f'{moment.hour:02}:{moment.minute:02}:{moment.second:02} {zone}"'
    ).encode("ascii")


def options(parameters: Mapping[str, object]) -> bytes:
    """Words in parentheses; a value may be a list of atoms.

    Raises:
        LocalProtocolError: a word has another value, which an extension must write.
    """
    return b"(%b)" % b" ".join(_option(*each) for each in parameters.items())


def _option(word: str, value: object) -> bytes:
    if value is None:
        return atom(word)
    if isinstance(value, tuple):
        return b"%b %b" % (atom(word), atoms(value))
    raise LocalProtocolError("a parameter whose value cannot be written here")


def without_space(pieces: list[Piece]) -> list[Piece]:
    """The pieces without the space that the first of them begins with."""
    first = pieces[0]
    return [first[1:] if isinstance(first, bytes) else first, *pieces[1:]]
