"""Spans of a content's octets; a large content in a file is read only where it is asked for.

Rules of this file: a content up to `WHOLE_OCTETS`, or in memory, is read at once. A file that
cannot be read raises StorageTrouble.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Self

from thurn.plugin import Content, StorageTrouble
from thurn_kit.spool import SpooledContent

from thurn_listener_imap.limits import PIECE_OCTETS, WHOLE_OCTETS


class Octets:
    """An open content; a context manager.

    Args:
        content: what is read.
        file: the private file that the content is in, if any; it is removed as soon as it is open.
    """

    __slots__ = ("_content", "_fd", "_file", "_octets")

    def __init__(self, content: Content, file: SpooledContent | None = None) -> None:
        self._content = content
        self._file = file
        self._octets: bytes | None = None
        self._fd = -1

    def __enter__(self) -> Self:
        content = self._content
        try:
            if content.blob.path is None or content.size_octets <= WHOLE_OCTETS:
                self._octets = content.read()
                self._content = Content.of(self._octets)  # instead of a second copy
            else:
                self._fd = os.open(content.blob.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise StorageTrouble(str(error)) from error
        finally:
            if self._file is not None:
                self._file.remove()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._fd >= 0:
            with suppress(OSError):
                os.close(self._fd)
            self._fd = -1

    @property
    def size_octets(self) -> int:
        """The length of the message."""
        return self._content.size_octets

    def read(self, start: int, end: int) -> bytes:
        """All octets of a span. Raises StorageTrouble."""
        if self._octets is not None:
            return self._octets[start:end]
        prefix = self._content.prefix
        parts = [prefix[start:end]]
        at, stop = max(start - len(prefix), 0), end - len(prefix)
        while at < stop:
            try:
                part = os.pread(self._fd, stop - at, at)
            except OSError as error:
                raise StorageTrouble(str(error)) from error
            if not part:
                raise StorageTrouble("the message's file is shorter than it was")
            parts.append(part)
            at += len(part)
        return b"".join(parts) if len(parts) > 1 else parts[0]

    def pieces(self, start: int, end: int) -> Iterator[bytes]:
        """The octets of a span in pieces of at most `PIECE_OCTETS`. Raises StorageTrouble."""
        while start < end:
            stop = min(start + PIECE_OCTETS, end)
            yield self.read(start, stop)
            start = stop
