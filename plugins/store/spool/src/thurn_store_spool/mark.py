"""A mark that is another one after each change of a document, for all processes of the site.

Whoever remembers an account's active script asks at each delivery whether it may have changed; the
index would say so, but it costs more than running the script. So the store has one small file that
every process maps: who has committed a change of a document, of whatever account, writes a new
random mark before anybody is told of it. A process that is killed between the two told nobody, and
the replay of its log writes a mark, too.

Rules of this file: without room for the file there is no mark, and nothing may be remembered.
"""

from __future__ import annotations

import errno
import mmap
import os
from pathlib import Path
from typing import Final

MARK: Final = "documents.mark"
MARK_OCTETS: Final = 16


class Mark:
    """The mark of a store's directory."""

    __slots__ = ("_map",)

    def __init__(self, data: Path) -> None:
        try:
            self._map: mmap.mmap | None = _mapped(data / MARK)
        except OSError:
            self._map = None

    def read(self) -> bytes | None:
        """The mark now; None where there is none."""
        return None if self._map is None else self._map[:MARK_OCTETS]

    def change(self) -> None:
        """A document has changed."""
        if self._map is not None:
            self._map[:MARK_OCTETS] = os.urandom(MARK_OCTETS)

    def close(self) -> None:
        """Let go of the file."""
        if self._map is not None:
            self._map.close()
            self._map = None


def _mapped(path: Path) -> mmap.mmap:
    """The file with its octets written: a store into a hole of a full disk would end the process
    (SIGBUS). Raises OSError."""
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
