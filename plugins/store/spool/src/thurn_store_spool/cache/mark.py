"""A mark that changes whenever a document of any account changes, for all processes of the site.

Whoever remembers an account's active script asks at each delivery whether it may have changed. The
index would say so, but asking it costs more than running the script. So the store has one small
file that every process maps: a process that has committed a change of a document, of whatever
account, writes a new random mark before anybody hears of the change. A process that is killed
between the two has told nobody, and the replay of its log writes a mark, too.

Rules of this file: where the disk has no room for the file there is no mark, and then nothing may
be remembered.
"""

from __future__ import annotations

import errno
import mmap
import os
from pathlib import Path
from typing import Final

MARK: Final = "documents.mark"
MARK_OCTETS: Final = 16
"""Octets of the mark: random, and enough of them that none comes twice."""


class DocumentsMark:
    """The mark of a store's directory."""

    __slots__ = ("_map",)

    def __init__(self, data: Path) -> None:
        try:
            self._map: mmap.mmap | None = _mapped(data / MARK)
        except OSError:
            self._map = None

    def read(self) -> bytes | None:
        """The mark as it is now; None without one."""
        return None if self._map is None else self._map[:MARK_OCTETS]

    def change(self) -> None:
        """Say that a document has changed."""
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
