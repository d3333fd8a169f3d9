"""Messages as POP3 sends them: stuffed with dots, ended by a dot, cut for TOP.

Rules of this file:
1. Content is octets whose lines end in CRLF, as the store keeps them (RFC 5321 §2.3.8). Only dots,
   and a CRLF that the last line lacks, are added to it.
2. A message's size is what RETR sends, without the added dots and the line that ends it.
   RFC 1939 §11.
3. Only C primitives work on a body: there is no loop over its lines.
"""

from __future__ import annotations

from typing import Final

_BLOCK_OCTETS: Final = 65_536
"""Octets of a body in which lines are counted at a time for TOP: only so much is split into
lines."""


def size_octets(content: bytes) -> int:
    """The size in LIST and STAT, which must be that of RETR. RFC 1939 §11."""
    return len(content) if not content or content.endswith(b"\r\n") else len(content) + 2


def stuff(content: bytes) -> bytes:
    """The content with a dot before each line that begins with one. RFC 1939 §3."""
    if b"\n." in content:
        content = content.replace(b"\r\n.", b"\r\n..")
    return b"." + content if content.startswith(b".") else content


def terminator(content: bytes) -> bytes:
    """The octets behind this content: a CRLF that its last line lacks, and the line of the dot."""
    return b".\r\n" if not content or content.endswith(b"\r\n") else b"\r\n.\r\n"


class Stuffer:
    """Stuffs a message that comes in chunks, also across their borders."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = b"\r\n"  # the last two octets; at first those before the first line

    def chunk(self, content: bytes) -> bytes:
        """The next chunk, stuffed."""
        joined = self._tail + content
        self._tail = joined[-2:]
        if b"\n." in joined:
            # A dot is added only behind a whole CRLF, so never within the two octets in front.
            joined = joined.replace(b"\r\n.", b"\r\n..")
        return joined[2:]

    def end(self) -> bytes:
        """The octets that end the message."""
        return b".\r\n" if self._tail == b"\r\n" else b"\r\n.\r\n"


def top(content: bytes, lines: int) -> bytes:
    """The header, the empty line, and this many lines of the body. RFC 1939 §7 (TOP).

    Args:
        content: the whole message.
        lines: how many lines of the body; if the body has fewer, the whole message is returned.
    """
    if content.startswith(b"\r\n"):
        body = 2
    else:
        end_of_header = content.find(b"\r\n\r\n")
        if end_of_header < 0:
            return content
        body = end_of_header + 4
    return content[: _end_of_lines(content, body, lines)]


def _end_of_lines(content: bytes, start: int, lines: int) -> int:
    """The position behind the next `lines` lines from `start`."""
    while lines and start < len(content):
        stop = min(start + _BLOCK_OCTETS, len(content))
        count = content.count(b"\n", start, stop)
        if count >= lines:
            return stop - len(content[start:stop].split(b"\n", lines)[lines])
        lines -= count
        start = stop
    return start
