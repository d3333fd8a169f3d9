"""The multi-line reader of the client side: finds the end, takes the added dots away.

Rules of this file:
1. Only CRLF "." CRLF ends a reply, wherever the octets were cut. RFC 1939 §3.
2. The content is bounded; past the bound the connection is of no more use.

This file knows no replies and no socket.
"""

from __future__ import annotations

from typing import Final

from thurn_wire.pop3.error import RemoteProtocolError

_END: Final = b"\r\n.\r\n"


class MultiLineReader:
    """Collects one multi-line reply, from behind its first line."""

    __slots__ = ("_maximum_octets", "_octets", "_parts", "_tail")

    def __init__(self, maximum_octets: int) -> None:
        self._maximum_octets = maximum_octets
        self._octets = 0
        self._parts: list[bytes] = []
        self._tail = b"\r\n"  # the last octets, with the CRLF of the first line before them

    def feed(self, octets: bytes) -> bytes | None:
        """Take octets; None: more are needed. Otherwise it is whole; returns what is behind it.

        Raises:
            RemoteProtocolError: the bound is passed.
        """
        joined = self._tail + octets
        end = joined.find(_END)
        rest = b"" if end < 0 else joined[end + len(_END) :]
        taken = octets[: len(octets) - len(rest)]
        self._parts.append(taken)
        self._octets += len(taken)
        if self._octets > self._maximum_octets:
            raise RemoteProtocolError(f"a reply of more than {self._maximum_octets} octets")
        self._tail = joined[1 - len(_END) :]
        return None if end < 0 else rest

    def content(self) -> bytes:
        """The content, once it is whole. RFC 1939 §3."""
        stream = b"".join((b"\r\n", *self._parts))
        return stream[: 2 - len(_END)].replace(b"\r\n.", b"\r\n")[2:]
