"""The file by which workers tell each other which accounts have changed, and where somebody waits.

An account belongs to one of CELLS cells, by a checksum of its id; several accounts may share one. A
cell has a number: whoever commits a change writes a new random one there. Behind the numbers each
cell has an octet for each lane. A worker has a lane as long as it holds the lock of the lane's own
file, and sets its octet in the cells for which somebody waits there.

Rules of this file: hints only; nobody fails because of the file, not even when it cannot be opened.
What it held before a start means nothing.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final
from zlib import crc32

from thurn.plugin import AccountId

FILE: Final = "watch"
"""Its name in the store's directory."""

CELLS: Final = 4_096
"""Cells of the file. Whoever waits for an account that shares its cell with one that changes looks
once for nothing, which takes some 20 µs."""

NUMBER_OCTETS: Final = 8

LANES: Final = 64
"""Workers that can say that somebody waits there: more than those of two generations."""

WAITS_AT: Final = CELLS * NUMBER_OCTETS
"""Where the octets of the lanes begin."""

NOBODY: Final = bytes(LANES)
EVERYBODY: Final = b"\1" * LANES


def cell_of(account: AccountId) -> int:
    """The cell of an account, the same in all processes."""
    return crc32(account.encode("utf-8", "surrogatepass")) % CELLS


class WatchFile:
    """The file of a store's directory, as one worker sees it.

    Attributes:
        lane: of this worker; -1 without one, and then it hears of changes only by the numbers.
    """

    __slots__ = ("_alone", "_draw", "_file", "_lock", "_path", "lane")

    def __init__(self, directory: Path, draw: Callable[[], int]) -> None:
        self._path = directory / FILE
        self._draw = draw
        self._file = self._lock = self.lane = -1
        self._alone = NOBODY

    def open(self) -> None:
        """Open it and take a lane, where that is possible."""
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._file = os.open(self._path, flags, 0o600)
            os.ftruncate(self._file, WAITS_AT + CELLS * LANES)
            self._take_lane()

    def _take_lane(self) -> None:
        flags = os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        for lane in range(LANES):
            lock = os.open(self._path.with_name(f"{FILE}.{lane}"), flags, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                continue
            self._lock, self.lane = lock, lane
            self._alone = bytes(one == lane for one in range(LANES))
            octets = os.pread(self._file, CELLS * LANES, WAITS_AT)
            for cell, waits in enumerate(octets[lane::LANES]):
                if waits:  # left by a worker that died
                    self.set_waits(cell, waits=False)
            return

    def close(self) -> None:
        """Close it and give the lane back."""
        for descriptor in (self._file, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._file = self._lock = self.lane = -1

    def set_waits(self, cell: int, *, waits: bool) -> None:
        """Say whether somebody waits here for the accounts of a cell."""
        if self.lane >= 0:
            with suppress(OSError):  # a full disk: the numbers tell within a second
                octet = b"\1" if waits else b"\0"
                os.pwrite(self._file, octet, WAITS_AT + cell * LANES + self.lane)

    def other_lanes(self, cell: int) -> list[int]:
        """The lanes of other workers in which somebody waits; all of them when that is unknown."""
        try:
            octets = os.pread(self._file, LANES, WAITS_AT + cell * LANES)
        except OSError:
            octets = EVERYBODY
        if octets in (NOBODY, self._alone):
            return []
        return [lane for lane, waits in enumerate(octets) if waits and lane != self.lane]

    def write_number(self, cell: int) -> None:
        """Write a new number: an account of the cell has changed. From any thread."""
        if self._file >= 0:
            with suppress(OSError):  # a full disk: the notice is enough
                number = self._draw().to_bytes(NUMBER_OCTETS, "little")
                os.pwrite(self._file, number, cell * NUMBER_OCTETS)

    def read_numbers(self, known: bytes) -> bytes:
        """The numbers of all cells; those known already where the file cannot be read, and new ones
        where it could not be opened, so that everybody looks."""
        if self._file < 0:
            return self._draw().to_bytes(NUMBER_OCTETS, "little") * CELLS
        try:
            return os.pread(self._file, CELLS * NUMBER_OCTETS, 0)
        except OSError:
            return known


def number_in(numbers: bytes, cell: int) -> bytes:
    """The number of one cell."""
    return numbers[cell * NUMBER_OCTETS : (cell + 1) * NUMBER_OCTETS]
