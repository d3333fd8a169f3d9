"""A mark that changes whenever something changes that all processes of the site remember.

Some questions are asked too often to look into a file or an index each time: whether an account's
active script is still the same (at each delivery), and whether an account is in trouble (at each
transaction). So there is one small file for each such question, and every process maps it. A
process that has changed an answer, for any account, writes a new random mark before it reports the
change. A process that remembers an answer keeps the mark from before it asked, and compares. If a
process is killed between its change and its mark, it has reported nothing, and the replay of its
log writes a mark, too.

    <data>/documents.mark     a document of any account has changed
    <data>/trouble.mark       an account has come into trouble, or out of it

Rules of this file: if the disk has no room for the file, there is no mark, and no answer may be
remembered.
"""

from __future__ import annotations

import errno
import mmap
import os
from pathlib import Path
from typing import Final

DOCUMENTS: Final = "documents.mark"
TROUBLES: Final = "trouble.mark"
MARK_OCTETS: Final = 16
"""Octets of the mark: so many random octets never repeat in practice."""


class Mark:
    """One mark, as this process sees it.

    Args:
        path: the file, which is made when it is missing.
    """

    __slots__ = ("_map",)

    def __init__(self, path: Path) -> None:
        try:
            self._map: mmap.mmap | None = _mapped(path)
        except OSError:
            self._map = None

    def read(self) -> bytes | None:
        """The mark as it is now; None without one."""
        return None if self._map is None else self._map[:MARK_OCTETS]

    def change(self) -> None:
        """Write a new mark, because something has changed."""
        if self._map is not None:
            self._map[:MARK_OCTETS] = os.urandom(MARK_OCTETS)

    def close(self) -> None:
        """Unmap the file."""
        if self._map is not None:
            self._map.close()
            self._map = None


def _mapped(path: Path) -> mmap.mmap:
    """The file in memory. Its octets are written before, because on a full disk a store into a hole
    would end the process (SIGBUS). Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if os.fstat(fd).st_size < MARK_OCTETS and (
            os.pwrite(fd, os.urandom(MARK_OCTETS), 0) < MARK_OCTETS
        ):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return mmap.mmap(fd, MARK_OCTETS)
    finally:
        os.close(fd)
