"""Settling: have owners bring the records of sealed segments to their final places, then free the
segments.

Runs in the housekeeper, one segment at a time, the oldest first. A segment is retired only after
its owners have settled it and the file systems were synced; that sync also makes the index rows of
the segment durable, because they were committed before it was sealed.

What an owner cannot settle, because an account is damaged, is put aside and synced before the
segment is retired. From time to time the owners are asked to restore these records.

Rules of this file: after a failure the segment is kept, the failure is reported, and settling is
tried again later.
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
from thurn.log.aside import Aside
from thurn.log.files import Files, Lock
from thurn.log.frame import ScannedFrame
from thurn.log.reader import Reader
from thurn.log.recovery import is_recovered, missing_owner, report_aside, scan_segment
from thurn.log.restore import restore_aside
from thurn.log.segment import SegmentFile, give_back, retire, segments, slots
from thurn.log.settings import Report, silent
from thurn.log.trust import distrust, is_distrusted
from thurn.types.errors import StorageFull

POLL_SECONDS: Final = 1.0
"""Seconds between two looks for sealed segments."""
RETRY_SECONDS: Final = 30.0
"""Seconds before the next attempt after a failure: long enough not to fill the operator's log."""
FULL_RETRY_SECONDS: Final = 3.0
"""Seconds before the next attempt if the disk was full: mail waits for the room that settling
frees. Such failures are reported once an attempt, not once a segment."""


RESTORE_SECONDS: Final = 60.0
"""Seconds between two attempts to restore what stands aside, for accounts that nobody opens."""


class Settler:
    """Settles the sealed segments of all slots.

    Args:
        directory: the log's directory.
        owners: the owners by the names in their records; their `settle` is called in a thread,
            never twice at the same time.
        clock: gives the boot's id; before `recover` has run in this boot nothing is settled.
        filesystems: a path on each file system that owners write to; the log's own is added.
        files: the file system; tests replace it.
        report: called for each damage and each failure.
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
        self._aside = Aside(directory, self._files)
        self._reader = Reader(directory)
        self._restore_at = 0.0

    async def run(self, *, once: bool = False) -> int:
        """See `settle_sealed`."""
        limiter = trio.CapacityLimiter(1)
        count = 0
        while True:
            pause = POLL_SECONDS
            await trio.to_thread.run_sync(give_back, self._files, self._directory, limiter=limiter)
            for segment in self.sealed():
                try:
                    count += await trio.to_thread.run_sync(self.settle, segment, limiter=limiter)
                except Exception as error:
                    if isinstance(error, FileNotFoundError) and not segment.path.exists():
                        continue  # another settler was first
                    if once:
                        raise
                    is_full = isinstance(error, StorageFull)
                    if not is_full or pause == POLL_SECONDS:
                        self._report("log.unsettled", path=str(segment.path), detail=repr(error))
                    pause = FULL_RETRY_SECONDS if is_full else RETRY_SECONDS
            if once:
                return count
            if trio.current_time() >= self._restore_at:
                await trio.to_thread.run_sync(self.restore, limiter=limiter)
                self._restore_at = trio.current_time() + RESTORE_SECONDS
            await trio.sleep(pause)

    def restore(self) -> int:
        """Have the owners restore the records that stand aside, as far as they can. Returns the
        number of keys that were restored. Blocking; for a thread."""
        count = 0
        for name in self._owners:
            for key in self._aside.keys(name):
                place = (name, key)
                try:
                    count += restore_aside(
                        self._directory, self._aside, self._owners, place, self._report
                    )
                except Exception as error:  # noqa: BLE001 - other keys may be restored all the same
                    self._report("log.still_aside", owner=name, key=key, detail=str(error))
        return count

    def sealed(self) -> list[SegmentFile]:
        """The segments that can be settled, the oldest first."""
        every = [segments(self._directory, slot, "sealed") for slot in slots(self._directory)]
        return sorted(chain.from_iterable(every), key=attrgetter("generation"))

    def settle(self, segment: SegmentFile) -> bool:
        """Settle one segment. Blocking; for a thread.

        Returns:
            False if the segment was left: another process settles or replays now, or the log has
            not been recovered in this boot or since a sync has failed.

        Raises:
            Exception: whatever an owner or the disk raised; the segment stays.
        """
        lock = Lock.take(self._directory / "settle.lock")
        if lock is None:
            return False
        with lock:
            if not is_recovered(self._directory, self._clock) or is_distrusted(self._directory):
                return False
            scanned = scan_segment(segment, self._report)
            self._hand_over(segment, scanned.frames)
            self._sync()
            if scanned.damages:  # never delete what could not be read
                self._files.rename(segment.path, segment.path.with_suffix(".damaged"))
            else:
                retire(self._files, segment.path)
        return True

    def _sync(self) -> None:
        for path in {path.stat().st_dev: path for path in self._filesystems}.values():
            try:
                self._files.sync_filesystem(path)
            except OSError as error:
                self._report("log.distrusted", path=str(path), detail=str(error))
                distrust(self._directory, str(error))
                raise

    def _hand_over(self, segment: SegmentFile, frames: Iterable[ScannedFrame]) -> None:
        records: dict[str, list[Record]] = {}
        for frame in frames:
            for name, payload in frame.records():
                records.setdefault(name, []).append(Record(payload, frame.written_at_ns))
        for name, part in records.items():
            if name not in self._owners:
                raise missing_owner(name)
            unapplied = self._owners[name].settle(part)
            if unapplied:
                report_aside(self._report, name, unapplied)
                self._aside.put(name, segment, unapplied, self._reader.read)


async def settle_sealed(
    directory: Path,
    owners: Mapping[str, Owner],
    *,
    clock: Clock,
    once: bool = False,
    filesystems: Sequence[Path] = (),
    report: Report = silent,
) -> int:
    """Settle sealed segments for ever, or `once` those that are sealed now; returns how many.

    Raises:
        Exception: with `once`, the first failure.

    Cancellation: the segment that is being settled is finished first.
    """
    settler = Settler(directory, owners, clock=clock, filesystems=filesystems, report=report)
    return await settler.run(once=once)
