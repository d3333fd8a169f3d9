"""The few calls of the file system that the log makes, in one class, so that a test can make each
of them fail, or lose octets that were not synced.

Rules of this file: no policy; every error is the `OSError` of the call.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_VECTORS: Final = 1024
"""Most pieces in one `pwritev`: IOV_MAX of Linux and the BSDs; more of them fail with EINVAL."""
MODE: Final = 0o600
"""The permissions of every file here: the log holds mail, which is its owner's alone."""
DIRECTORY_MODE: Final = 0o700
"""The permissions of every directory here, for the same reason."""


class Files:
    """The real file system. Descriptors are closed on exec (PEP 446)."""

    def create(self, path: Path) -> int:
        """A new file for reading and writing; FileExistsError if the path exists."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, MODE)

    def open(self, path: Path) -> int:
        """An existing file for reading and writing."""
        return os.open(path, os.O_RDWR | os.O_NOFOLLOW)

    def write(self, descriptor: int, parts: Sequence[bytes], offset: int) -> int:
        """`os.pwritev`: writes some of the octets, perhaps not all, and returns how many."""
        return os.pwritev(descriptor, parts, offset)

    def sync(self, descriptor: int) -> None:
        """`fdatasync`: the octets are on the disk."""
        os.fdatasync(descriptor)

    def sync_directory(self, path: Path) -> None:
        """The names in this directory are on the disk."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def sync_filesystem(self, path: Path) -> None:
        """Everything that was written to the file system of `path` before is on the disk."""
        syncfs = getattr(_LIBC, "syncfs", None)
        if syncfs is None:
            os.sync()
            return
        descriptor = os.open(path, os.O_RDONLY)
        try:
            if syncfs(descriptor) != 0:
                code = ctypes.get_errno() or errno.EIO
                raise OSError(code, os.strerror(code), str(path))
        finally:
            os.close(descriptor)

    def free_octets(self, path: Path) -> int:
        """Octets that a writer without root's reserve may still put on the file system of
        `path`."""
        status = os.statvfs(path)
        return status.f_bavail * status.f_frsize

    def rename(self, old: Path, new: Path) -> None:
        """Atomic; durable only after `sync_directory`."""
        old.rename(new)

    def remove(self, path: Path) -> None:
        """Remove the name and free the octets, even if some process still has the file open."""
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
        try:
            path.unlink()
            os.ftruncate(descriptor, 0)
        finally:
            os.close(descriptor)


def write_all(files: Files, descriptor: int, parts: Sequence[bytes], offset: int) -> None:
    """Write everything, in bounded vectors, and go on after a short write."""
    for start in range(0, len(parts), _VECTORS):
        vector = parts[start : start + _VECTORS]
        size_octets = sum(map(len, vector))
        written = files.write(descriptor, vector, offset)
        if written < size_octets:
            _write_rest(files, descriptor, b"".join(vector), offset, written)
        offset += size_octets


def _write_rest(files: Files, descriptor: int, octets: bytes, offset: int, written: int) -> None:
    while written < len(octets):
        count = files.write(descriptor, [octets[written:]], offset + written)
        if count <= 0:
            raise OSError(errno.EIO, "a write made no progress")
        written += count


class Lock:
    """An exclusive `flock` on a file, held until closed or until the process ends."""

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def wait(cls, path: Path, flags: int = 0) -> Lock:
        """Wait until the lock is free, and take it. Raises OSError."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | flags)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor)

    @classmethod
    def share(cls, path: Path) -> Lock:
        """Wait until nobody has the lock alone, and hold it beside others. Raises OSError."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor)

    @classmethod
    def take(cls, path: Path) -> Lock | None:
        """Take the lock if it is free; None if it is held, by any process."""
        try:
            return cls.wait(path, fcntl.LOCK_NB)
        except BlockingIOError:
            return None

    def close(self) -> None:
        """Release the lock."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
