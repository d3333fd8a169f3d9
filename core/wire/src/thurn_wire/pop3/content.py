"""Messages as POP3 sends them: stuffed with dots, ended with a dot, cut for TOP.

Rules of this file:
1. Content is octets whose lines end in CRLF; the store sees to that (RFC 5321 §2.3.8). Nothing here
   rewrites it but for the dots and a CRLF that the last line lacks.
2. A message's size is what RETR sends without the dots added and without the line that ends it.
   RFC 1939 §11.
3. Only C primitives touch a body: no loop over its lines.
"""

from __future__ import annotations

from typing import Final

_BLOCK_OCTETS: Final = 65_536
"""How much of a body is counted at a time for TOP: what is split into lines stays this small."""


def size_octets(content: bytes) -> int:
    """The size that LIST and STAT must say, so that it is RETR's. RFC 1939 §11."""
    return len(content) if not content or content.endswith(b"\r\n") else len(content) + 2


def stuff(content: bytes) -> bytes:
    """The content with a dot before each line that begins with one. RFC 1939 §3."""
    if b"\n." in content:
        content = content.replace(b"\r\n.", b"\r\n..")
    return b"." + content if content.startswith(b".") else content


def terminator(content: bytes) -> bytes:
    """What follows this content on the wire: its last CRLF if it lacks one, and the dot's line."""
    return b".\r\n" if not content or content.endswith(b"\r\n") else b"\r\n.\r\n"


class Stuffer:
    """Stuffs a message that comes in chunks, across their borders."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = b"\r\n"  # the last two octets of the content; its first line begins a line

    def chunk(self, content: bytes) -> bytes:
        """The next chunk, stuffed."""
        joined = self._tail + content
        self._tail = joined[-2:]
        if b"\n." in joined:
            # A dot is only added behind a whole CRLF, so never within the two octets put in front.
            joined = joined.replace(b"\r\n.", b"\r\n..")
        return joined[2:]

    def end(self) -> bytes:
        """What ends the message."""
        return b".\r\n" if self._tail == b"\r\n" else b"\r\n.\r\n"


def top(content: bytes, lines: int) -> bytes:
    """The header, the empty line and so many lines of the body. RFC 1939 §7 (TOP).

    Args:
        content: the whole message.
        lines: how many lines of the body; more than there are is the whole message.
    """
    if content.startswith(b"\r\n"):
        body = 2
    else:
        found = content.find(b"\r\n\r\n")
        if found < 0:
            return content
        body = found + 4
    return content[: _end_of_lines(content, body, lines)]


def _end_of_lines(content: bytes, start: int, lines: int) -> int:
    """Where the next so many lines from `start` end."""
    while lines and start < len(content):
        stop = min(start + _BLOCK_OCTETS, len(content))
        found = content.count(b"\n", start, stop)
        if found >= lines:
            return stop - len(content[start:stop].split(b"\n", lines)[lines])
        lines -= found
        start = stop
    return start
