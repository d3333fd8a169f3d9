"""Settling: bring sealed segments to their owners' final places, then free them.

Runs in the housekeeper (niced there), one segment at a time, the oldest first. A segment
is retired only after its owners have settled it and the file systems were synced; that sync also
makes the index rows of the segment durable, for they were committed before it was sealed.

Rules of this file: a failure keeps the segment and is reported; it is tried again later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Final

import trio

from thurn.contracts.clock import Clock
from thurn.contracts.commitlog import Owner, Record
from thurn.log.files import Files, Lock
from thurn.log.frame import ScannedFrame
from thurn.log.recovery import is_recovered, missing_owner, scan_segment
from thurn.log.segment import SegmentFile, give_back, retire, segments, slots
from thurn.log.settings import Report, silent
from thurn.types.errors import StorageFull

POLL_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 30.0
"""After a failure: long enough not to fill the operator's log."""
FULL_RETRY_SECONDS: Final = 3.0
"""After a failure for want of room, told once a turn: mail waits for what settling frees."""


class Settler:
    """Settles the sealed segments of all slots.

    Args:
        directory: the log's directory.
        owners: by the names of their records; `settle` is called in a thread, never twice at once.
        clock: names the boot; before `recover` has run in this boot nothing is settled.
        filesystems: a path on each file system that owners write to; the log's is always among
            them.
        files: the file system, for tests.
        report: told of damage and of failures.
    """

    def __init__(
        self,
        directory: Path,
        owners: Mapping[str, Owner],
        *,
        clock: Clock,
        filesystems: Sequence[Path] = (),
        files: Files | None = None,
        report: Report = silent,
    ) -> None:
        self._directory, self._owners, self._clock = directory, owners, clock
        self._filesystems = [directory, *filesystems]
        self._files, self._report = files or Files(), report

    async def run(self, *, once: bool = False) -> int:
        """See `settle_sealed`."""
        limiter = trio.CapacityLimiter(1)
        count = 0
        while True:
            pause = POLL_SECONDS
            await trio.to_thread.run_sync(give_back, self._files, self._directory, limiter=limiter)
            for found in self.sealed():
                try:
                    count += await trio.to_thread.run_sync(self.settle, found, limiter=limiter)
                except Exception as error:
                    if isinstance(error, FileNotFoundError) and not found.path.exists():
                        continue  # another settler was first
                    if once:
                        raise
                    full = isinstance(error, StorageFull)
                    if not full or pause == POLL_SECONDS:
                        self._report("log.unsettled", path=str(found.path), detail=repr(error))
                    pause = FULL_RETRY_SECONDS if full else RETRY_SECONDS
            if once:
                return count
            await trio.sleep(pause)

    def sealed(self) -> list[SegmentFile]:
        """What can be settled, the oldest first."""
        every = [segments(self._directory, slot, "sealed") for slot in slots(self._directory)]
        return sorted(chain.from_iterable(every), key=attrgetter("generation"))

    def settle(self, found: SegmentFile) -> bool:
        """Settle one segment; false when recovery has the log now. Blocking; for a thread.

        Raises:
            Exception: whatever an owner or the disk raised; the segment stays.
        """
        lock = Lock.take(self._directory / "settle.lock")
        if lock is None:
            return False
        with lock:
            if not is_recovered(self._directory, self._clock):
                return False
            scanned = scan_segment(found, self._report)
            self._hand_over(scanned.frames)
            for path in {path.stat().st_dev: path for path in self._filesystems}.values():
                self._files.sync_filesystem(path)
            if scanned.damages:  # never delete what could not be read
                self._files.rename(found.path, found.path.with_suffix(".damaged"))
            else:
                retire(self._files, found.path)
        return True

    def _hand_over(self, frames: Iterable[ScannedFrame]) -> None:
        records: dict[str, list[Record]] = {}
        for frame in frames:
            for name, payload in frame.records():
                records.setdefault(name, []).append(Record(payload, frame.written_at_ns))
        for name, part in records.items():
            if name not in self._owners:
                raise missing_owner(name)
            self._owners[name].settle(part)


async def settle_sealed(
    directory: Path,
    owners: Mapping[str, Owner],
    *,
    clock: Clock,
    once: bool = False,
    filesystems: Sequence[Path] = (),
    report: Report = silent,
) -> int:
    """Settle what is sealed, for ever, or `once` what is sealed now; gives how many segments.

    Raises:
        Exception: with `once`, the first failure.

    Cancellation: the segment in work is finished first.
    """
    settler = Settler(directory, owners, clock=clock, filesystems=filesystems, report=report)
    return await settler.run(once=once)
