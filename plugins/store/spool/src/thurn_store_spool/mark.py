"""A mark that changes whenever something changes that all processes of the site remember.

Asking a file or an index each time costs more than what is done with the answer: whether an
account's active script is still the same, at each delivery; whether an account is in trouble, at
each transaction. So there is one small file for each such question, which every process maps. Who
has changed something, of whatever account, writes a new random mark before anybody hears of it; who
remembers an answer compares the mark from before. A process that is killed between its change and
its mark has told nobody, and the replay of its log writes a mark, too.

    <data>/documents.mark     a document of any account has changed
    <data>/trouble.mark       an account has come into trouble, or out of it

Rules of this file: where the disk has no room for the file there is no mark, and then nothing may
be remembered.
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
"""Octets of the mark: random, and enough of them that none comes twice."""


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
        """Say that something has changed."""
        if self._map is not None:
            self._map[:MARK_OCTETS] = os.urandom(MARK_OCTETS)

    def close(self) -> None:
        """Let go of the file."""
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
