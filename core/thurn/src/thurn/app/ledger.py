"""The ledger of one worker (`thurn.contracts.ledger`).

Rules of this file:
1. Nothing waits but a turn to scan, so nobody holds memory while waiting for memory.
2. Disk is counted over all workers of a generation, as connections are (`thurn.net.shares`): in
   units, so that a count fits into a cell; two workers that reserve at the same moment may go a
   little beyond the bound, which the reserve has room for.
3. What is written stays reserved until its share is released, so that the ledger errs on the side
   of room.

ADR 0019.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import trio

from thurn.net.shares import WorkerCounts
from thurn.types.errors import StorageFull

UNIT_OCTETS: Final = 1 << 16
"""Octets that disk is counted in; the smallest reservation. A cell of 32 bits holds 256 TiB."""
COPIES: Final = 2
"""Copies of a content that are on the disk at once: the file in which it came, and what is filed
or queued."""
HOLDER_PART: Final = 10
"""Divisor of the free disk: contents of one holder that come side by side get a tenth. A holder's
only content is bounded by the disk alone, or large messages could never arrive on a small one."""
SCAN_COPIES: Final = 2
"""Copies of a content that are in memory while it is scanned and filed: the scanned octets, and a
part that is decoded or the octets with an edited header."""
_TOTAL: Final = ""
"""The key under which everything that is reserved is counted."""


class WorkerLedger:
    """The ledger of one worker.

    Args:
        memory_octets: the budget of memory.
        reserve_octets: room on the disk that is never given out.
        free_octets: the free octets of the disk; asked often.

    Attributes:
        counts: what all workers have reserved; None: this process alone.
        held_octets: memory that is held by shares and scans.
    """

    def __init__(
        self, memory_octets: int, reserve_octets: int, free_octets: Callable[[], int]
    ) -> None:
        self.counts: WorkerCounts | None = None
        self.held_octets = 0
        self._memory_octets = memory_octets
        self._reserve_octets = reserve_octets
        self._free_octets = free_octets
        self._reserved: dict[str, int] = {}  # units, by holder
        self._scans = 0
        self._waiting: deque[tuple[int, trio.Event]] = deque()

    def share(self, holder: str | None) -> WorkerShare:
        """A share that holds nothing yet."""
        return WorkerShare(self, holder)

    def need_disk(self, size_octets: int) -> None:
        """Raise StorageFull if there is no room for so much beyond the reserve."""
        if size_octets > self._room_octets():
            raise StorageFull("only the reserve of the disk is left")

    @asynccontextmanager
    async def scan_turn(self, size_octets: int) -> AsyncIterator[None]:
        """The turn to scan a content of this size."""
        memory_octets = SCAN_COPIES * size_octets
        await self._wait_turn(memory_octets)
        try:
            yield
        finally:
            self._scans -= 1
            self.change_memory(-memory_octets)

    async def _wait_turn(self, memory_octets: int) -> None:
        if not self._waiting and self._may_scan(memory_octets):
            self._begin_scan(memory_octets)
            return
        admitted = trio.Event()
        place = (memory_octets, admitted)
        self._waiting.append(place)
        try:
            await admitted.wait()
        except trio.Cancelled:  # never once it is admitted: it is scheduled to run then
            self._waiting.remove(place)
            self._admit_waiting()
            raise

    def _may_scan(self, memory_octets: int) -> bool:
        return not self._scans or self.held_octets + memory_octets <= self._memory_octets

    def _begin_scan(self, memory_octets: int) -> None:
        self._scans += 1
        self.held_octets += memory_octets

    def _admit_waiting(self) -> None:
        while self._waiting and self._may_scan(self._waiting[0][0]):
            memory_octets, admitted = self._waiting.popleft()
            self._begin_scan(memory_octets)
            admitted.set()

    # for shares

    def change_memory(self, octets: int) -> bool:
        """Count more memory, or less; False if so much more is not granted."""
        if octets > 0 and self.held_octets + octets > self._memory_octets:
            return False
        self.held_octets += octets
        if octets < 0 and self._waiting:
            self._admit_waiting()
        return True

    def reserve(self, holder: str | None, units: int, *, own_units: int) -> None:
        """Reserve more units of the disk for a holder, whose share has `own_units` already."""
        wanted_octets = units * UNIT_OCTETS
        room_octets = self._room_octets()
        if wanted_octets > room_octets:
            raise StorageFull("only the reserve of the disk is left")
        if holder is not None:
            held_units = self._units(holder)
            held_octets = held_units * UNIT_OCTETS
            bound_octets = (room_octets + held_octets) // HOLDER_PART
            if held_units > own_units and held_octets + wanted_octets > bound_octets:
                raise StorageFull(f"{holder} has a tenth of the free disk in contents that come")
        self.count(holder, units)

    def count(self, holder: str | None, units: int) -> None:
        """Count more units as reserved, or less."""
        for key in (_TOTAL,) if holder is None else (_TOTAL, holder):
            left = self._reserved.get(key, 0) + units
            if left:
                self._reserved[key] = left
            else:
                self._reserved.pop(key, None)
            if self.counts is not None:
                self.counts.add(key, units)

    def _units(self, key: str) -> int:
        elsewhere = 0 if self.counts is None else self.counts.elsewhere(key)
        return self._reserved.get(key, 0) + elsewhere

    def _room_octets(self) -> int:
        return self._free_octets() - self._reserve_octets - self._units(_TOTAL) * UNIT_OCTETS


class WorkerShare:
    """What one content on its way in holds."""

    __slots__ = ("_holder", "_ledger", "_memory_octets", "_units")

    def __init__(self, ledger: WorkerLedger, holder: str | None) -> None:
        self._ledger = ledger
        self._holder = holder
        self._memory_octets = 0
        self._units = 0

    def hold_memory(self, size_octets: int) -> bool:
        """Hold so much memory from now on; False if it is not granted."""
        if not self._ledger.change_memory(size_octets - self._memory_octets):
            return False
        self._memory_octets = size_octets
        return True

    def reserve_disk(self, size_octets: int) -> None:
        """Reserve room for a content of this size. Raises StorageFull."""
        units = max(-(-COPIES * size_octets // UNIT_OCTETS), 1)
        if units > self._units:
            self._ledger.reserve(self._holder, units - self._units, own_units=self._units)
            self._units = units

    def release(self) -> None:
        """Give everything back. Idempotent."""
        self.hold_memory(0)
        if self._units:
            self._ledger.count(self._holder, -self._units)
            self._units = 0
