r"""The words that commands are made of, read at a position in the octets that moves on.

    astring  = 1*ASTRING-CHAR / string
    string   = quoted / literal
    literal  = "{" number ["+"] "}" CRLF *CHAR8        ; gathered by the fragmentizer
    list     = "(" [ item *( SP item ) ] ")"

Rules of this file:
1. Each method reads one word and moves on, or raises `CommandError`, which says what was expected
   at which octet. Nothing is guessed, nothing is recursive, every count has a limit.
2. Literals are skipped by their length: none of their octets is read as grammar.
3. Deviations: spaces at the end of a command are tolerated; quoted strings may hold UTF-8 before it
   is enabled (LOGIN of several clients). Texts must be UTF-8 in any case.

RFC 9051 §9, RFC 3501 §9.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NoReturn, Self, TypeVar

from thurn_wire.imap import code, limits, mutf7
from thurn_wire.imap.reply import CommandError, bad, no
from thurn_wire.imap.sequence import Range, SequenceSet

_T = TypeVar("_T")

ASTRING_CHARS: Final = rb"!#$&'+-\[\]^-z|}~"
r"""ASTRING-CHAR: every printable octet but `( ) { % * " \` and the space."""

NO_NAME: Final = "\0"
"""Stands for a pattern, or a reference, whose octets spell no name: LIST finds nothing with it,
since no mailbox name holds a NUL. Clients that write UTF-8 before it is enabled ask so."""

_ASTRING: Final = re.compile(rb'([%b]+)|"([^"\\\r\n\0]*)"' % ASTRING_CHARS)
_PATTERN: Final = re.compile(rb'([%b%%*]+)|"([^"\\\r\n\0]*)"' % ASTRING_CHARS)
_STRING: Final = re.compile(rb'(?!)()|"([^"\\\r\n\0]*)"')
_ESCAPED: Final = re.compile(rb'"((?:[^"\\\r\n\0]|\\["\\])*)"')
_ESCAPE: Final = re.compile(rb"\\(.)")
_LITERAL: Final = re.compile(rb"(~?)\{([0-9]{1,%d})\+?\}\r\n" % limits.LITERAL_DIGITS)
_ATOM: Final = re.compile(rb"[!#$&'+-\[^-z|}~]+")
_WORD: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9.:_-]*")
_DIGITS: Final = re.compile(rb"[0-9]+")
_END: Final = re.compile(rb" *\Z")
_SET: Final = re.compile(rb"[0-9*:,]+")

_MAXIMUM: Final = 4_294_967_295
_MAXIMUM64: Final = (1 << 63) - 1


class WordCursor:
    """A position in a command; parsers get a `registry.Cursor`.

    Attributes:
        octets: the command, with its literals.
        position: the position of the next octet.
        utf8: mailbox names are UTF-8, not modified UTF-7.
    """

    __slots__ = ("octets", "position", "utf8")

    def __init__(self, octets: bytes, position: int, *, utf8: bool) -> None:
        self.octets = octets
        self.position = position
        self.utf8 = utf8

    # Errors.

    def fail(self, expected: str) -> NoReturn:
        """Raise the error that says what was expected here."""
        raise CommandError(bad(f"expected {expected} at octet {self.position + 1}"))

    def refuse(self, text: str) -> NoReturn:
        """Raise the error with this text and the position."""
        raise CommandError(bad(f"{text} (before octet {self.position + 1})"))

    # Single octets.

    def space(self) -> None:
        """Read one space."""
        if not self.octets.startswith(b" ", self.position):
            self.fail("a space")
        self.position += 1

    def looking_at(self, octets: bytes) -> bool:
        """Whether these octets come next."""
        return self.octets.startswith(octets, self.position)

    def skip(self, octets: bytes) -> bool:
        """Read these octets if they come next; return whether they did."""
        if self.octets.startswith(octets, self.position):
            self.position += len(octets)
            return True
        return False

    def expect(self, octets: bytes) -> None:
        """Read these octets."""
        if not self.skip(octets):
            self.fail(repr(octets.decode("ascii")))

    def at_end(self) -> bool:
        """Whether nothing but spaces is left."""
        return _END.match(self.octets, self.position) is not None

    def end(self) -> None:
        """Read the end of the command."""
        if self.position != len(self.octets) and not self.at_end():
            self.fail("the end of the command")

    # Words and numbers.

    def word(self, what: str = "a word") -> bytes:
        """A word of the protocol, in upper case."""
        match = _WORD.match(self.octets, self.position)
        if match is None:
            self.fail(what)
        self.position = match.end()
        return match[0].upper()

    def peek_word(self) -> bytes:
        """The word that comes next, in upper case, or b"" for anything else; nothing is read."""
        match = _WORD.match(self.octets, self.position)
        return match[0].upper() if match is not None else b""

    def atom(self, what: str = "an atom") -> str:
        """An atom as it is."""
        match = _ATOM.match(self.octets, self.position)
        if match is None:
            self.fail(what)
        self.position = match.end()
        return match[0].decode("ascii")

    def number(self) -> int:
        """A `number`: 32 bits."""
        return self._number(limits.NUMBER_DIGITS, _MAXIMUM)

    def nz_number(self) -> int:
        """An `nz-number`: 32 bits, not 0."""
        number = self._number(limits.NUMBER_DIGITS, _MAXIMUM)
        if not number:
            self.refuse("0 is not possible here")
        return number

    def number64(self) -> int:
        """A `number64` or `mod-sequence-valzer`: 63 bits."""
        return self._number(limits.NUMBER64_DIGITS, _MAXIMUM64)

    def _number(self, digits: int, maximum: int) -> int:
        match = _DIGITS.match(self.octets, self.position)
        if match is None:
            self.fail("a number")
        self.position = match.end()
        number = int(match[0]) if len(match[0]) <= digits else maximum + 1
        if number > maximum:
            self.refuse("number too large")
        return number

    # Strings.

    def astring(self, what: str = "a string") -> bytes:
        """An `astring`."""
        match = _ASTRING.match(self.octets, self.position)
        return self._matched(match) if match is not None else self._slow_string(what)

    def string(self, what: str = "a quoted string or literal") -> bytes:
        """A `string`."""
        match = _STRING.match(self.octets, self.position)
        return self._matched(match) if match is not None else self._slow_string(what)

    def nstring(self) -> bytes | None:
        """An `nstring`: None for NIL."""
        if self.octets[self.position : self.position + 3].upper() == b"NIL":
            self.position += 3
            return None
        return self.string("NIL, a quoted string or literal")

    def _matched(self, match: re.Match[bytes]) -> bytes:
        self.position = match.end()
        octets: bytes = match[match.lastindex or 0]
        return octets

    def _slow_string(self, what: str) -> bytes:
        """A quoted string with escapes, or a literal."""
        match = _ESCAPED.match(self.octets, self.position)
        if match is not None:
            self.position = match.end()
            return _ESCAPE.sub(rb"\1", match[1])
        if self.looking_at(b'"'):
            self.refuse("a quoted string that does not end or holds what it must not")
        head = _LITERAL.match(self.octets, self.position)
        if head is None:
            self.fail(what)
        self.position = head.end() + int(head[2])
        octets = self.octets[head.end() : self.position]
        # RFC 9051 §4.3: a literal holds no NUL, a literal8 may; none is allowed in a string.
        if head[1] or b"\0" in octets:
            self.refuse("a binary literal is not possible here")
        return octets

    def text(self, octets: bytes) -> str:
        """The text that the octets are. RFC 9051 §4.3: UTF-8."""
        try:
            return octets.decode()
        except UnicodeDecodeError:
            self.refuse("text is not UTF-8")

    # Mailboxes.

    def mailbox(self) -> str:
        """A mailbox name, decoded; INBOX in upper case. RFC 9051 §5.1."""
        name = self.name(self.astring("a mailbox name"))
        return "INBOX" if len(name) == 5 and name.upper() == "INBOX" else name

    def pattern(self) -> str:
        """A mailbox name with wildcards, decoded; `NO_NAME` if it cannot be. RFC 9051 §6.3.9."""
        match = _PATTERN.match(self.octets, self.position)
        what = "a mailbox name or pattern"
        octets = self._matched(match) if match is not None else self._slow_string(what)
        return self._decode_name(octets, NO_NAME)

    def reference(self) -> str:
        """What stands before the patterns of LIST, decoded; `NO_NAME` if it cannot be."""
        return self._decode_name(self.astring("a reference"), NO_NAME)

    def name(self, octets: bytes) -> str:
        """The mailbox name that the octets spell.

        Raises:
            CommandError: NO [CANNOT]: they do not spell a name. RFC 3501 §5.1.3.
        """
        name = self._decode_name(octets, None)
        if name is None:
            text = "mailbox name is not " + ("UTF-8" if self.utf8 else "modified UTF-7")
            raise CommandError(no(text, code.CANNOT))
        return name

    def _decode_name(self, octets: bytes, otherwise: _T) -> str | _T:
        if len(octets) > limits.NAME_OCTETS:
            raise CommandError(no("mailbox name too long", code.CANNOT))
        try:
            return octets.decode() if self.utf8 else mutf7.decode(octets)
        except ValueError:
            return otherwise

    # Sets of messages.

    def sequence_set(self) -> SequenceSet:
        """A `sequence-set`, or the name of one. RFC 9051 §9."""
        match = _SET.match(self.octets, self.position)
        if match is None:
            return self.named_set() or self.fail("a sequence set")
        self.position = match.end()
        written = match[0]
        if written.isdigit():
            number = self._end(written)
            return SequenceSet(((number, number),))
        if written.count(b",") >= limits.SEQUENCE_RANGES:
            self.refuse("sequence set with too many ranges")
        return SequenceSet(tuple([self._range(piece) for piece in written.split(b",")]))

    def named_set(self) -> SequenceSet | None:
        """Read the name of a set, if one comes next; a cursor without tables knows no names."""
        return None

    def _range(self, written: bytes) -> Range:
        first, colon, last = written.partition(b":")
        low = self._end(first)
        return (low, self._end(last) if colon else low)

    def _end(self, written: bytes) -> int | None:
        if written == b"*":
            return None
        number = int(written) if written.isdigit() and len(written) <= limits.NUMBER_DIGITS else 0
        if not 0 < number <= _MAXIMUM:
            self.refuse("wrong number in a sequence set")
        return number

    # Lists.

    def items(self, read: Callable[[Self], _T], maximum: int, what: str) -> list[_T]:
        """A parenthesised list, which may be empty; `what` names its elements in the error."""
        self.expect(b"(")
        elements: list[_T] = []
        if self.skip(b")"):
            return elements
        while True:
            if len(elements) >= maximum:
                self.refuse(f"too many {what}")
            elements.append(read(self))
            if self.skip(b")"):
                return elements
            self.space()

    def spaced(self, read: Callable[[Self], _T], maximum: int, what: str) -> list[_T]:
        """One or more elements, each behind a space, up to the end of the command."""
        elements: list[_T] = []
        while not elements or not self.at_end():
            self.space()
            if len(elements) >= maximum:
                self.refuse(f"too many {what}")
            elements.append(read(self))
        return elements
