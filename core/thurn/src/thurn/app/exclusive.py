"""One process at a time: for what several workers make at their first start."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Nobody else who asks for the same directory is inside; waits, so keep it short.

    Held by the kernel: a process that dies inside lets go. Such as a database that is set up:
    SQLite's change to WAL fails at once, without waiting, while another connection reads.
    """
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
