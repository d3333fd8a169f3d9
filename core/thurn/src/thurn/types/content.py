"""A message's octets: exactly as received, below the fields that were put above them.

Rules: content never changes. The `prefix` is what differs between recipients (trace fields). The
`Blob` is what all recipients share: it is one object however many they are, so that a store can
keep it once. Line ends are CRLF. Nothing rewrites a body.
"""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from typing import Final

from thurn_message.scanner import Scan, scan, scan_above

SPILL_OCTETS: Final = 1_048_576
"""Largest blob, in octets, that is held in memory and goes through the commit log; a larger one has
a file of its own from the start. In the log it would be written twice."""
WINDOW_OCTETS: Final = 1_048_576
"""Octets of one read of a file. It is never mapped: another process that cuts a mapped file short
would kill the worker."""


class Blob:
    """Octets that several contents may share: in memory, or, if they are many, in a private file.

    Attributes:
        size_octets: how many octets.
        path: the file that holds them, which whoever made it removes; None: they are in memory.
    """

    __slots__ = ("_octets", "path", "size_octets")

    def __init__(self, octets: bytes | None = None, *, path: Path | None = None) -> None:
        if octets is None:
            if path is None:
                raise ValueError("a blob is octets or a path")
            self.size_octets = path.stat().st_size
        else:
            self.size_octets = len(octets)
        self._octets = octets
        self.path = path

    def read(self) -> bytes:
        """All octets. A file is read again each time, so that a waiting message needs no memory."""
        if self._octets is not None:
            return self._octets
        if self.path is None:  # the constructor has refused that
            raise ValueError("a blob is octets or a path")
        return self.read_below(b"")

    def read_below(self, prefix: bytes) -> bytes:
        """All octets, with others above them. A file is read in windows into one piece of memory,
        so that the octets are there once."""
        if self.path is None:
            return prefix + self.read() if prefix else self.read()
        whole = BytesIO()
        whole.write(prefix)
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            position = 0
            while window := os.pread(descriptor, WINDOW_OCTETS, position):
                whole.write(window)
                position += len(window)
        finally:
            os.close(descriptor)
        return whole.getvalue()


class Content:
    """A message as one recipient gets it: `prefix` + `blob`."""

    __slots__ = ("_below", "_scan", "blob", "prefix")

    def __init__(self, blob: Blob, prefix: bytes = b"") -> None:
        self.blob = blob
        self.prefix = prefix
        self._scan: Scan | None = None
        self._below: Scan | None = None

    @classmethod
    def of(cls, octets: bytes) -> Content:
        """The content that has these octets."""
        return cls(Blob(octets))

    @property
    def size_octets(self) -> int:
        """RFC822.SIZE: prefix and blob together."""
        return len(self.prefix) + self.blob.size_octets

    def read(self) -> bytes:
        """All octets."""
        return self.blob.read_below(self.prefix)

    def prepend(self, fields: bytes) -> Content:
        """The same message with whole header fields (CRLF-ended) above it."""
        content = Content(self.blob, fields + self.prefix)
        content._below = self._below if self._scan is None else self._scan
        return content

    @property
    def scan(self) -> Scan:
        """The scanned message; scanned at first use and kept."""
        if self._scan is None:
            octets, below = self.read(), self._below
            self._scan = scan(octets) if below is None else scan_above(octets, below)
            self._below = None
        return self._scan
