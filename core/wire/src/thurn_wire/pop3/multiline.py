"""The reader of multi-line replies: finds the end and removes the added dots.

Rules of this file:
1. Only CRLF "." CRLF ends a reply, wherever the octets were cut. RFC 1939 §3.
2. The content is bounded; beyond the limit the connection must be closed.

This file knows no replies and no socket.
"""

from __future__ import annotations

from typing import Final

from thurn_wire.error import RemoteProtocolError

_END: Final = b"\r\n.\r\n"


class MultiLineReader:
    """Collects one multi-line reply, from behind its first line.

    Args:
        limit_octets: the most octets that the reply may have.
    """

    __slots__ = ("_limit_octets", "_octets", "_parts", "_tail")

    def __init__(self, limit_octets: int) -> None:
        self._limit_octets = limit_octets
        self._octets = 0
        self._parts: list[bytes] = []
        self._tail = b"\r\n"  # the last octets; at first the CRLF of the first line

    def feed(self, octets: bytes) -> bytes | None:
        """Take octets; return what follows the reply, or None if more have to come.

        Raises:
            RemoteProtocolError: the reply is too large.
        """
        joined = self._tail + octets
        end = joined.find(_END)
        rest = b"" if end < 0 else joined[end + len(_END) :]
        taken = octets[: len(octets) - len(rest)]
        self._parts.append(taken)
        self._octets += len(taken)
        if self._octets > self._limit_octets:
            raise RemoteProtocolError(f"a reply of more than {self._limit_octets} octets")
        self._tail = joined[1 - len(_END) :]
        return None if end < 0 else rest

    def content(self) -> bytes:
        """The content of the whole reply. RFC 1939 §3."""
        stream = b"".join((b"\r\n", *self._parts))
        return stream[: 2 - len(_END)].replace(b"\r\n.", b"\r\n")[2:]
