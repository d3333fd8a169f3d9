"""Private files for contents that are too large for memory.

Listeners write a large message to such a file while it arrives, or before they send it to a peer
that may read slowly.

Rules of this file:
1. Each content has a new file that only the site's account can read, and the file is removed
   whatever happens. Its name begins with the process id, so that a later start can remove the files
   of a killed process.
2. Writing happens in a thread, so that a slow disk delays one peer and not all.
3. A write that fails removes the file and is remembered; the peer gets the failure at the end of
   its data.
"""

from __future__ import annotations

import itertools
import os
from contextlib import suppress
from pathlib import Path

import trio
from thurn.plugin import (
    STORAGE_FULL,
    Blob,
    Content,
    StorageError,
    StorageFull,
    StorageTrouble,
    status_of,
)


class Spool:
    """The directory of the files. A worker makes one of it for each instance.

    Args:
        directory: created if missing; files of processes that no longer exist are removed.
    """

    __slots__ = ("_directory", "_numbers")

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        self._directory = directory
        self._numbers = itertools.count()
        for path in directory.iterdir():
            if _is_stale(path.name):
                path.unlink(missing_ok=True)

    def start(self) -> SpooledContent:
        """A new content; the first write creates its file."""
        return SpooledContent(self._directory / f"{os.getpid()}-{next(self._numbers)}")

    async def set_aside(
        self, content: Content, *, above_octets: int
    ) -> tuple[Content, SpooledContent]:
        """Move a large content from memory to a file, for a peer that may read slowly.

        The caller drops its reference to `content` and uses the returned one. If the file cannot be
        written, that is `content` itself, since sending the message matters more than memory.

        Args:
            content: the content as the store gave it; one that is in a file already stays there.
            above_octets: the size up to which a content stays in memory.

        Returns:
            The content to send, and the file to remove once it is sent.
        """
        file = self.start()
        if content.blob.path is None and content.size_octets > above_octets:
            await file.write(content.blob.read())
            with suppress(StorageError):
                return Content(file.blob(), content.prefix), file
        return content, file


class SpooledContent:
    """The file of one content.

    Attributes:
        failure: why a write failed; None if none has.
        size_octets: how much was to be written so far.
    """

    __slots__ = ("_exists", "_fd", "_path", "failure", "size_octets")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1
        self._exists = False
        self.failure: StorageError | None = None
        self.size_octets = 0

    async def write(self, octets: bytes) -> None:
        """Append the octets; after a failure, do nothing.

        Cancellation: the write is finished first, whether it succeeds or fails.
        """
        self.size_octets += len(octets)
        if self.failure is None:
            await trio.to_thread.run_sync(self._write, octets)

    def fail(self, error: StorageError) -> None:
        """Remove the file and write no more, because of this; for want of room, for example."""
        self.failure = error
        self.remove()

    def blob(self) -> Blob:
        """Close the file, and return the whole content; no descriptor stays open.

        Raises:
            StorageError: a write failed.
        """
        if self.failure is not None:
            raise self.failure
        try:
            self._close()
            return Blob(path=self._path)
        except OSError as error:
            raise StorageTrouble(str(error)) from error

    def remove(self) -> None:
        """Close and remove the file, if there is one. Idempotent.

        Never raises, since the message may be stored already; the next start removes a file that
        is left over.
        """
        exists, self._exists = self._exists, False
        if exists:
            with suppress(OSError):
                self._path.unlink()
        with suppress(OSError):
            self._close()

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _write(self, octets: bytes) -> None:
        try:
            if self._fd < 0:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
                self._fd = os.open(self._path, flags, 0o600)
                self._exists = True
            rest = memoryview(octets)
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError as error:
            full = status_of(error) is STORAGE_FULL
            self.failure = StorageFull() if full else StorageTrouble(str(error))
            self.remove()


def _is_stale(name: str) -> bool:
    """Whether the process that made a file no longer exists.

    A file with the id of this process was made by an earlier process that had the same id.
    """
    number = name.partition("-")[0]
    if not (number.isascii() and number.isdigit() and len(number) <= 10):
        return True
    if int(number) == os.getpid():
        return True
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False


__all__ = ["Spool", "SpooledContent"]
