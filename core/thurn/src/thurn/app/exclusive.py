"""Lets one process at a time do what several workers may want to do at their first start."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Only one process at a time is in the block for the same directory; others wait, so keep it
    short.

    The kernel holds the lock, so it is released if the process dies. It is for setting up a
    database, for instance: SQLite's change to WAL fails at once while another connection reads.
    """
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
