"""The line reader of all engines: cuts octets into lines that end in CRLF and in nothing else.

Rules of this file:
1. Only CRLF ends a line. A lone CR or LF inside a line is an error of that line, never its end.
2. The caller gives the limit of a line with each call, since it depends on the state (small before
   login). A line over its limit is one error; the octets up to its CRLF are skipped, so that the
   dialogue stays in step. A line that does not end within `NEVER_ENDS_OCTETS` ends the dialogue.
3. Nothing is kept while idle: an empty buffer takes no memory for what has passed.
4. `discard` empties the buffer after STARTTLS: nothing from before is read afterwards.

This file knows no protocol and no socket.
"""

from __future__ import annotations

from typing import Final

NEVER_ENDS_OCTETS: Final = 1_048_576
"""Octets of one line that are skipped before `LineNeverEnds`; Postfix gives up after 100 kB of junk
lines, and nobody sends a megabyte of command line by mistake."""

TAIL_OCTETS: Final = 32
"""Octets at the end of a skipped line that `skip_line` returns: the announcement of a literal with
19 digits fits."""


class LineError(Exception):
    """A line that cannot be used; the next call reads the line after it."""


class LineTooLong(LineError):
    """The line is over its limit; the rest of it is skipped."""


class BareLineEnd(LineError):
    """The line holds a CR or LF that is not part of CRLF. RFC 5321 §2.3.8.

    Attributes:
        line: the line, without its CRLF.
    """

    def __init__(self, line: bytes) -> None:
        super().__init__("a line end that is not CRLF")
        self.line = line


class LineNeverEnds(Exception):
    """More than `NEVER_ENDS_OCTETS` octets without CRLF: close the connection."""


class LineBuffer:
    r"""Octets in, lines out.

    >>> lines = LineBuffer()
    >>> lines.receive(b"NOOP\r\nQUI")
    >>> lines.next_line(512)
    b'NOOP'
    >>> lines.next_line(512) is None
    True
    """

    __slots__ = ("_data", "_position", "_skipped", "_tail")

    def __init__(self) -> None:
        self._data = b""
        self._position = 0
        self._skipped = -1  # octets skipped of a line that is too long; -1: nothing is skipped
        self._tail = b""  # the last octets skipped

    def __len__(self) -> int:
        """The octets received and not taken."""
        return len(self._data) - self._position

    def receive(self, data: bytes) -> None:
        """Add what the peer sent."""
        if self._position == len(self._data):
            self._data = data
        else:
            self._data = self._data[self._position :] + data
        self._position = 0

    def next_line(self, limit_octets: int) -> bytes | None:
        """The next whole line without its CRLF, or None if it has not all come.

        Args:
            limit_octets: the most octets of the line, with its CRLF.

        Raises:
            LineTooLong: once for each line over its limit.
            BareLineEnd: the line holds a lone CR or LF.
            LineNeverEnds: see `NEVER_ENDS_OCTETS`.
        """
        if self._skipped >= 0:
            self._skip()
            if self._skipped >= 0:
                return None
        start = self._position
        end = self._data.find(b"\r\n", start)
        length = (end if end >= 0 else len(self._data)) - start
        # A line that has not ended may end with its next octet, if its CR has come.
        if length + (2 if end >= 0 else 1) > limit_octets:
            self._skipped, self._tail = 0, b""
            raise LineTooLong
        if end < 0:
            return None
        line = self._data[start:end]
        self._position = end + 2
        if self._position == len(self._data):
            self._data, self._position = b"", 0
        if b"\r" in line or b"\n" in line:
            raise BareLineEnd(line)
        return line

    def skip_line(self) -> bytes | None:
        """Skip the rest of a line, also of one that is too long.

        Returns:
            Its last `TAIL_OCTETS` octets without CRLF. None: its end has not come; call again when
            more has.

        Raises:
            LineNeverEnds: see `NEVER_ENDS_OCTETS`.
        """
        if self._skipped < 0:
            self._skipped, self._tail = 0, b""
        self._skip()
        return None if self._skipped >= 0 else self._tail

    def peek(self, maximum_octets: int) -> bytes:
        """The next octets, up to this many; nothing is taken."""
        return self._data[self._position : self._position + maximum_octets]

    def take(self, maximum_octets: int) -> bytes:
        """Take the next octets, up to this many, as they came: for BDAT and literals."""
        start = self._position
        chunk = self._data[start : start + maximum_octets]
        self._position += len(chunk)
        if self._position == len(self._data):
            self._data, self._position = b"", 0
        return chunk

    def take_all(self) -> bytes:
        """Take everything that is left, as it came."""
        return self.take(len(self))

    def discard(self) -> int:
        """Drop everything; returns how many octets that were. RFC 3207 §4.2."""
        lost_octets = len(self)
        self._data, self._position, self._skipped = b"", 0, -1
        self._tail = b""
        return lost_octets

    def _skip(self) -> None:
        """Drop octets up to the end of a line that is too long."""
        end = self._data.find(b"\r\n", self._position)
        # A CR at the very end may be the first half of the CRLF.
        stop = end if end >= 0 else len(self._data) - self._data.endswith(b"\r")
        self._skipped += max(stop - self._position, 0)
        piece = self._data[max(stop - TAIL_OCTETS, self._position) : stop]
        self._tail = (self._tail + piece)[-TAIL_OCTETS:]
        if self._skipped > NEVER_ENDS_OCTETS:
            raise LineNeverEnds
        if end >= 0:
            self._position, self._skipped = end + 2, -1
        else:
            self._data, self._position = self._data[max(stop, self._position) :], 0
