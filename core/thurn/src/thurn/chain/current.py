"""Notes which rule a worker is in, so that the supervisor can name the rule that blocks it.

The note is some octets of a memory-mapped file, one file per worker, written before each call of a
rule. A call that blocks cannot be cancelled, and a killed worker writes no journal, but the file
stays: the worker that takes its place reads it (`left_behind`) and journals the transaction as
deferred.

Rules of this file: it never ends a worker; if the disk has no room for the file, nothing is noted.
"""

from __future__ import annotations

import errno
import mmap
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

_SIZE: Final = 1024
"""Octets of the file: enough for an id, a stage, an instance and two places in files."""
_IDLE: Final = b"\0"


class CurrentRule:
    """One worker's note."""

    __slots__ = ("_map", "_path")

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._map: mmap.mmap | None = None
        if path is not None:
            with suppress(OSError):
                self._map = _mapped(path)

    def enter(self, transaction_id: str, label: bytes) -> None:
        """Note that a rule is about to be called."""
        if self._map is not None:
            line = transaction_id.encode() + b"\t" + label
            self._map[: len(line)] = line

    def leave(self) -> None:
        """Note that it has returned."""
        if self._map is not None:
            self._map[:1] = _IDLE

    def close(self) -> None:
        """Remove the file: after an orderly end there is nothing to report."""
        if self._map is not None:
            self._map.close()
            self._map = None
        if self._path is not None:
            with suppress(OSError):
                self._path.unlink()


def _mapped(path: Path) -> mmap.mmap:
    """Map the file, with an empty note. Its octets are written before, because writing to memory
    that a full disk has no block for would end the worker (SIGBUS). Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.pwrite(fd, _IDLE * _SIZE, 0) < _SIZE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return mmap.mmap(fd, _SIZE)
    finally:
        os.close(fd)


def label_of(stage: str, instance: str, source: str) -> bytes:
    """The part of a note that is the same for all calls of a rule."""
    return f"{stage}\t{instance}\t{source}\n".encode()[: _SIZE - 64]


def left_behind(directory: Path) -> Iterator[tuple[str, str, str, str]]:
    """(transaction, stage, instance, source) of each worker that died in a rule; removes the notes.

    The files are named by process id; those of living processes are left alone.
    """
    for path in directory.glob("*.watch"):
        if _alive(path.stem):
            continue
        try:
            octets = path.read_bytes()
            path.unlink()
        except OSError:
            continue
        line = octets.partition(b"\n")[0]
        fields = line.decode(errors="replace").split("\t")
        if not octets.startswith(_IDLE) and len(fields) == 4:
            yield fields[0], fields[1], fields[2], fields[3]


def _alive(pid: str) -> bool:
    try:
        with suppress(PermissionError):
            os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    return True
