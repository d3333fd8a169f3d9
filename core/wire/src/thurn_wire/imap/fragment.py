r"""The fragmentizer: cuts octets into commands with their literals, before any grammar.

    command  = *( text literal-head CRLF *CHAR8 ) text CRLF
    literal-head = [ "~" ] "{" 1*DIGIT [ "+" ] "}"

Rules of this file:
1. Nothing of a literal is read before the caller decides about it: `gather` (it becomes part of the
   command), `stream` (its octets are returned as they come) or `refuse`.
2. All lines of a command together have a limit; so have its literals, which the caller checks when
   they are announced.
3. What is refused leaves the dialogue in step. A refused synchronizing literal never comes; a
   non-synchronizing one is read and dropped with the rest of its command (and further literals), up
   to a limit. Beyond it the connection must be closed, since the octets of the literal would be
   read as commands. RFC 7888 §4.
4. A line with a lone CR or LF, or with NUL, is refused as a whole, with the literal it announces.

This file knows no command. RFC 9051 §2.2.1, §4.3, RFC 7888, RFC 3516 §4.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from thurn_wire.error import LocalProtocolError
from thurn_wire.imap import limits
from thurn_wire.linebuffer import BareLineEnd, LineBuffer, LineNeverEnds, LineTooLong

_IMPOSSIBLE: Final = 1 << 63
"""The size that stands for all sizes of more than `limits.LITERAL_DIGITS` digits."""

_BEGIN_OCTETS: Final = limits.TAG_OCTETS + 1
"""Octets that are kept of a refused line: enough for its tag."""


class FragmentError(Exception):
    """A command that cannot be read; the next call reads what is behind it, unless `fatal`.

    Attributes:
        text: what is wrong.
        begin: the first octets of the command, for its tag.
        fatal: the connection must be closed.
    """

    def __init__(self, text: str, begin: bytes, *, fatal: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.begin = begin
        self.fatal = fatal


@dataclass(frozen=True, slots=True)
class Announcement:
    """A literal is announced; call `gather`, `stream` or `refuse`.

    Attributes:
        text: the command so far, with the literals that were gathered, without this literal's head.
        size_octets: the announced size; never more than 63 bits.
        synchronizing: the client waits for a continuation.
        binary: it is a literal8.
    """

    text: bytes
    size_octets: int
    synchronizing: bool
    binary: bool


class Fragmentizer:
    r"""Takes octets, returns whole commands and announcements.

    >>> fragments = Fragmentizer()
    >>> fragments.receive(b"a LOGIN x {3+}\r\nabc\r\n")
    >>> fragments.next_command(8192)
    Announcement(text=b'a LOGIN x ', size_octets=3, synchronizing=False, binary=False)
    >>> fragments.gather()
    >>> fragments.next_command(8192)
    b'a LOGIN x {3+}\r\nabc'
    """

    __slots__ = (
        "_budget",
        "_lines",
        "_literals",
        "_literals_octets",
        "_pending",
        "_pieces",
        "_skipping",
        "_text_octets",
        "_wanted",
    )

    def __init__(self) -> None:
        self._lines = LineBuffer()
        self._pieces: list[bytes | bytearray] = []  # of the command so far
        self._pending: Announcement | None = None
        self._text_octets = 0  # of the command's lines
        self._literals_octets = 0  # of the command's gathered literals
        self._literals = 0
        self._wanted = 0  # octets of a literal that are still to come
        self._skipping = False
        self._budget = 0  # octets of literals that may still be skipped

    def __len__(self) -> int:
        """The octets received and not taken."""
        return len(self._lines)

    @property
    def is_inside_command(self) -> bool:
        """Whether a command has begun and its end has not been read."""
        return bool(self._pieces or self._pending or self._wanted or self._skipping or len(self))

    @property
    def literals_octets(self) -> int:
        """The octets of all gathered literals of the command."""
        return self._literals_octets

    @property
    def literals(self) -> int:
        """How many literals of the command were gathered."""
        return self._literals

    def receive(self, octets: bytes) -> None:
        """Add what the peer sent."""
        self._lines.receive(octets)

    def next_command(self, line_octets: int) -> bytes | Announcement | None:
        """The next whole command without its CRLF, its next literal, or None: more must come.

        Args:
            line_octets: the most octets of all lines of the command, each with its CRLF.

        Raises:
            FragmentError: the command is refused.
        """
        if self._skipping and not self._skip():
            return None
        if self._wanted and not self._gather():
            return None
        line = self._next_line(line_octets - self._text_octets)
        if line is None:
            return None
        if b"\0" in line:
            raise self._unreadable(line, "NUL in a line")
        if line.endswith(b"}"):
            announced = self._announced(line)
            if announced is not None:
                return announced
        if not self._pieces:
            return line
        command = b"".join([*self._pieces, line])
        self._reset()
        return command

    def next_line(self, line_octets: int) -> bytes | None:
        """The next line, which is not part of a command (SASL), or None: more must come.

        Raises:
            FragmentError: the line is refused.
        """
        return self._next_line(line_octets)

    # Decisions about a literal.

    def gather(self) -> None:
        """The announced literal becomes part of the command."""
        announced = self._take_pending()
        self._literals += 1
        self._literals_octets += announced.size_octets
        self._wanted = announced.size_octets

    def stream(self) -> bool:
        """Let `chunk` return the octets of the announced literal; what came before is forgotten.

        Behind the literal the command goes on as if it began there.

        Returns:
            Whether the client waits for a continuation.
        """
        announced = self._take_pending()
        self._reset()
        self._wanted = announced.size_octets
        return announced.synchronizing

    def chunk(self, maximum_octets: int) -> bytes:
        """The next octets of the literal that is streamed; b"": more must come, or it is whole."""
        octets = self._lines.take(min(self._wanted, maximum_octets))
        self._wanted -= len(octets)
        return octets

    @property
    def wanted_octets(self) -> int:
        """The octets of a literal that are still to come."""
        return self._wanted

    def refuse(self, skipped_octets: int) -> bool:
        """Refuse the announced literal, and its command with it.

        Args:
            skipped_octets: the most octets of literals that are read and dropped.

        Returns:
            False if the literal is larger: the connection must be closed.
        """
        announced = self._take_pending()
        self._reset()
        if announced.synchronizing:
            return True
        return self._start_skip(announced.size_octets, skipped_octets)

    def abandon(self, skipped_octets: int) -> bool:
        """Refuse the command wherever it is, also in a literal that is streamed; as `refuse`."""
        if self._pending is not None:
            return self.refuse(skipped_octets)
        wanted = self._wanted
        self._reset()
        return self._start_skip(wanted, skipped_octets)

    def take_all(self) -> bytes:
        """Take everything received and not taken, behind a command that was read whole."""
        return self._lines.take_all()

    def discard(self) -> int:
        """Drop everything; returns how many octets were not taken. RFC 9051 §6.2.1."""
        lost_octets = self._lines.discard()
        self._pending = None
        self._skipping = False
        self._reset()
        return lost_octets

    # Within.

    def _next_line(self, line_octets: int) -> bytes | None:
        try:
            return self._lines.next_line(line_octets)
        except LineTooLong:
            begin = self._begin(self._lines.peek(_BEGIN_OCTETS))
            self._start_skip(0, limits.SKIPPED_OCTETS)
            raise FragmentError("line too long", begin) from None
        except BareLineEnd as error:
            raise self._unreadable(error.line, "lines end in CR LF") from None

    def _announced(self, line: bytes) -> Announcement | None:
        head = line.rfind(b"{")
        size = _size(line[head + 1 : -1]) if head >= 0 else None
        if size is None:
            return None
        size_octets, synchronizing = size
        binary = line[head - 1 : head] == b"~"
        self._text_octets += len(line) + 2
        self._pieces += (line, b"\r\n")
        text = line[: head - binary]
        if len(self._pieces) > 2:
            text = b"".join([*self._pieces[:-2], text])
        self._pending = Announcement(text, size_octets, synchronizing, binary)
        return self._pending

    def _take_pending(self) -> Announcement:
        announced, self._pending = self._pending, None
        if announced is None:
            raise LocalProtocolError("no literal is announced")
        return announced

    def _gather(self) -> bool:
        octets = self._lines.take(self._wanted)
        self._wanted -= len(octets)
        last = self._pieces[-1]
        if isinstance(last, bytearray):
            # A literal that comes in many pieces: single octets would cost forty times their size.
            last += octets
        elif octets:
            self._pieces.append(bytearray(octets) if self._wanted else octets)
        return not self._wanted

    def _unreadable(self, line: bytes, text: str) -> FragmentError:
        """The error of a line that was taken; the literal that it announces is skipped."""
        begin = self._begin(line)
        size = _size(line[line.rfind(b"{") + 1 : -1]) if line.endswith(b"}") else None
        self._reset()
        if size is None or size[1]:
            return FragmentError(text, begin)
        in_step = self._start_skip(size[0], limits.SKIPPED_OCTETS)
        return FragmentError(text, begin, fatal=not in_step)

    def _begin(self, line: bytes) -> bytes:
        return bytes(self._pieces[0]) if self._pieces else line

    def _reset(self) -> None:
        self._pieces.clear()
        self._text_octets = self._literals_octets = self._literals = self._wanted = 0

    def _start_skip(self, literal_octets: int, skipped_octets: int) -> bool:
        self._reset()
        self._skipping = literal_octets <= skipped_octets
        self._wanted = literal_octets if self._skipping else 0
        self._budget = skipped_octets - literal_octets
        return self._skipping

    def _skip(self) -> bool:
        """Read and drop the rest of a refused command; return whether that is done."""
        while True:
            if self._wanted:
                self._wanted -= len(self._lines.take(self._wanted))
                if self._wanted:
                    return False
            try:
                tail = self._lines.skip_line()
            except LineNeverEnds:
                raise FragmentError("line too long", b"", fatal=True) from None
            if tail is None:
                return False
            size = _size(tail[tail.rfind(b"{") + 1 : -1]) if tail.endswith(b"}") else None
            if size is None or size[1]:
                # Nothing comes behind a synchronizing announcement that is not answered.
                self._skipping = False
                return True
            if not self._start_skip(size[0], self._budget):
                raise FragmentError("literal too large", b"", fatal=True)


def _size(inside: bytes) -> tuple[int, bool] | None:
    """The size between the braces of a literal, and whether the literal is synchronizing."""
    synchronizing = not inside.endswith(b"+")
    digits = inside if synchronizing else inside[:-1]
    if not digits.isdigit():
        return None
    return (int(digits) if len(digits) <= limits.LITERAL_DIGITS else _IMPOSSIBLE), synchronizing
