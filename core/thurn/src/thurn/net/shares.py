"""How many connections an address has in the other workers: counts in memory that they share.

`connections_per_address` holds for the whole site. Shares of it, one for each worker, would not do:
whoever is awake first accepts, so that one worker may have most of an office's connections while
its own share is a few. So each worker counts in a row of its own, and reads the rows of all others.

Rules of this file:
1. Nobody waits and nothing is locked: a row has one writer. Two workers that accept at the same
   moment may let one connection too many in.
2. A row is cells by hash; an address counts in two of them, and the smaller one is believed. So a
   count may be too large where both cells are shared with others, and is never too small. The hash
   is Python's, whose key no peer knows, and which forked workers have in common.
3. A worker that was killed leaves its counts; the one that replaces it begins with an empty row.
   The workers of a generation share a memory: what goes on after a reload is not counted in the
   new one.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from typing import Final

CELLS: Final = 1 << 14
"""Cells of a row, a power of two: a worker's 10,000 connections share few of them."""
_CELL_OCTETS: Final = 4
_SECOND_SHIFT: Final = 24
"""Bits of a hash that choose the second cell are others than those of the first."""


class SharedCounts:
    """The rows of all workers; made before they are forked.

    Args:
        workers: how many rows there are.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.cells = memoryview(mmap.mmap(-1, workers * CELLS * _CELL_OCTETS)).cast("I")

    def of_worker(self, number: int) -> WorkerCounts:
        """The counts as a worker sees them; its row is empty from now on.

        Args:
            number: the worker's, from 0.
        """
        first = number * CELLS
        self.cells[first : first + CELLS] = memoryview(bytes(CELLS * _CELL_OCTETS)).cast("I")
        return WorkerCounts(self, first)


@dataclass(frozen=True, slots=True)
class WorkerCounts:
    """One worker's own row, and those of the others."""

    _counts: SharedCounts
    _first: int

    def add(self, key: str, change: int) -> None:
        """Count connections of this key in the worker's own row."""
        for cell in _cells_of(key):
            self._counts.cells[self._first + cell] += change

    def elsewhere(self, key: str) -> int:
        """How many connections of this key the other workers have."""
        cells, ends = self._counts.cells, self._counts.workers * CELLS
        rows = [row for row in range(0, ends, CELLS) if row != self._first]
        return min(sum(cells[row + cell] for row in rows) for cell in _cells_of(key))


def _cells_of(key: str) -> tuple[int, int]:
    hashed = hash(key)
    return hashed % CELLS, (hashed >> _SECOND_SHIFT) % CELLS
