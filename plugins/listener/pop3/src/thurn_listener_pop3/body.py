"""Reads contents from the front, piece by piece, so that large ones are never in memory.

Rules of this file:
1. A piece has at most `PIECE_OCTETS`, except a header, which comes in one piece.
2. A large content that is in memory is put into a private file, so that a client that does not
   read keeps none of it in memory.
3. Nothing is read that is not asked for: TOP without lines reads only the header of a file.
4. A file that cannot be read raises StorageTrouble, so that nobody takes it for a lost connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO, FileIO
from types import TracebackType

from thurn.plugin import Blob, Content, StorageTrouble
from thurn_kit.spool import Spool

from thurn_listener_pop3.limits import PIECE_OCTETS, WHOLE_OCTETS


class ContentReader:
    """An open content; a context manager. All its methods may raise StorageTrouble."""

    __slots__ = ("_file", "_prefix")

    def __init__(self, content: Content) -> None:
        self._prefix = content.prefix
        self._file = _open(content.blob)

    @classmethod
    async def open(cls, content: Content, spool: Spool) -> ContentReader:
        """Open a content; the caller keeps no reference to it."""
        content, file = await spool.set_aside(content, above_octets=WHOLE_OCTETS)
        try:
            return cls(content)
        finally:
            file.remove()

    def __enter__(self) -> ContentReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def read(self, size_octets: int) -> bytes:
        """The next octets; fewer than asked for only at the end."""
        parts = [self._prefix[:size_octets]]
        self._prefix = self._prefix[size_octets:]
        size_octets -= len(parts[0])
        while size_octets > 0:
            try:
                part = self._file.read(size_octets)
            except OSError as error:
                raise StorageTrouble(str(error)) from error
            if not part:
                break
            parts.append(part)
            size_octets -= len(part)
        return b"".join(parts)

    def pieces(self) -> Iterator[bytes]:
        """The rest, in pieces."""
        while piece := self.read(PIECE_OCTETS):
            yield piece


def _open(blob: Blob) -> BytesIO | FileIO:
    if blob.path is None:
        return BytesIO(blob.read())  # shares the octets until somebody writes
    try:
        return FileIO(blob.path)
    except OSError as error:
        raise StorageTrouble(str(error)) from error


def top_pieces(reader: ContentReader, header_octets: int, lines: int) -> Iterator[bytes]:
    """The header with its empty line, and the first lines of the body. RFC 1939 §7 (TOP).

    Args:
        reader: at the beginning of a content.
        header_octets: the length of the header with its empty line.
        lines: how many lines of the body; if it has fewer, the whole content.
    """
    yield reader.read(header_octets)
    if lines == 0:
        return
    for piece in reader.pieces():
        count = piece.count(b"\n")
        if count >= lines:
            yield piece[: len(piece) - len(piece.split(b"\n", lines)[lines])]
            return
        lines -= count
        yield piece
