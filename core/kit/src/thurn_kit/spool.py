"""Large content on its way in or out: private files, from the first piece until the answer.

For listeners: what is too large for memory is written while it comes, or before it is sent to a
peer that may read slowly.

Rules of this file:
1. A file is made anew, readable by us only, and is removed whatever happens. Its name begins with
   the number of the process, so that a start can remove what a killed one left.
2. Writing happens in a thread: a slow disk holds up one peer, not all.
3. A write that fails drops the file and is remembered; the peer is told at the end of its data.
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
    """The directory of such files. Made once per worker.

    Args:
        directory: made if it is not there; cleaned of what dead processes have left.
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
        """A new content; its file is made by the first write."""
        return SpooledContent(self._directory / f"{os.getpid()}-{next(self._numbers)}")

    async def set_aside(
        self, content: Content, *, above_octets: int
    ) -> tuple[Content, SpooledContent]:
        """A content for a peer that may read slowly: a large one is in a file, not in memory.

        Whoever calls lets go of the one given. If its file cannot be written, that one is
        returned: that a message can be read comes first.

        Args:
            content: as the store gave it; what is in a file there stays in that.
            above_octets: what may stay in memory.

        Returns:
            The content to be sent, and the file to be removed when it is.
        """
        file = self.start()
        if content.blob.path is None and content.size_octets > above_octets:
            await file.write(content.blob.read())
            with suppress(StorageError):
                return Content(file.blob(), content.prefix), file
        return content, file


class SpooledContent:
    """One message's file.

    Attributes:
        failure: why it could not be written; None if it could.
    """

    __slots__ = ("_fd", "_made", "_path", "failure")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1
        self._made = False
        self.failure: StorageError | None = None

    async def write(self, octets: bytes) -> None:
        """Append; after a failure, nothing.

        Cancellation: the octets are written, or have failed.
        """
        if self.failure is None:
            await trio.to_thread.run_sync(self._write, octets)

    def blob(self) -> Blob:
        """The whole content; nothing more is written, and no descriptor is kept.

        Raises:
            StorageError: it could not be written.
        """
        if self.failure is not None:
            raise self.failure
        try:
            self._close()
            return Blob(path=self._path)
        except OSError as error:
            raise StorageTrouble(str(error)) from error

    def remove(self) -> None:
        """Close and remove the file, if there is one. Idempotent; never raises: the message may be
        stored already, and what is left here goes at the next start."""
        made, self._made = self._made, False
        if made:
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
                self._made = True
            rest = memoryview(octets)
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError as error:
            full = status_of(error) is STORAGE_FULL
            self.failure = StorageFull() if full else StorageTrouble(str(error))
            self.remove()


def _is_stale(name: str) -> bool:
    """Whether a file's process is gone. Our own number is that of a predecessor."""
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
