"""The worker's commit log: rounds of groups, one write and one sync each.

Failures: a full disk fails the round (`StorageFull`), and the log goes on. If an index has no room
after the sync, or is damaged, the next frame takes its records back. Any other error of a write, a
sync or a resource's commit ends the log for good: `failed` is set, callers get `StorageTrouble`,
and the worker must be replaced. Nothing is sealed then, so the next process replays it.

While a round syncs in a thread, other tasks of the worker run: a resource must not show its open
transaction to them.
"""

from __future__ import annotations

import errno
import os
import random
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Final

import trio

from thurn.contracts.clock import Clock
from thurn.contracts.commitlog import BlobReference, Change, Owner
from thurn.log.aside import Aside
from thurn.log.files import Files, Lock, write_all
from thurn.log.frame import FrameBuilder, owner_prefix
from thurn.log.reader import Reader
from thurn.log.recovery import is_clean
from thurn.log.restore import restore_aside
from thurn.log.round import Group, Round
from thurn.log.segment import Segment, take_slot
from thurn.log.settings import LogSettings, Report, silent
from thurn.log.sitetime import SiteTime
from thurn.log.spares import Spares
from thurn.log.syncer import Syncer
from thurn.log.trust import distrust, hold_serving, is_distrusted
from thurn.types.errors import PluginError, StorageFull, StorageTrouble

GROUP_OCTETS: Final = 1 << 16
"""Octets that the indexes may need on the disk to commit one group: a dozen pages of 4 KiB, some of
them twice while they are checkpointed."""
UNDO_OCTETS: Final = 8 << 10
"""Octets kept free behind each frame for a frame that takes back all its records, one bit each:
such a frame must never fail because the disk is full."""
LOOKS_PER_SECOND: Final = 200
"""How often in a second `free_octets` asks the file system; between two times even the fastest disk
takes only some megabytes."""
_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
_UNDO_ROOM: Final = bytes(UNDO_OCTETS)
_ENDED: Final = "the commit log has ended"


class WorkerLog:
    """The `CommitLog` of one process. Made by `open_log`.

    Attributes:
        failed: set when the log has ended for good; the worker must be replaced.
        owners: the registered owners by name, for `recover` and `settle_sealed`.
    """

    def __init__(
        self,
        directory: Path,
        slot: int,
        clock: Clock,
        settings: LogSettings,
        files: Files,
        report: Report,
    ) -> None:
        self._directory, self._slot = directory, slot
        self._aside = Aside(directory, files)
        self._clock, self._settings = clock, settings
        self._files, self._report = files, report
        self._spares = Spares(files, directory / str(slot), clock, settings, report)
        self._syncer = Syncer(files, clock, settings.slow_sync_seconds)
        self._reader = Reader(directory)
        self._names: dict[str, bytes] = {}
        self._queue: deque[Group] = deque()
        self._active: list[Group] = []
        self._parked: trio.lowlevel.Task | None = None
        self._written_at_ns = 0
        self._free_at = lru_cache(1)(lambda _: files.free_octets(directory))
        self._time: SiteTime | None = None  # set when commits may begin
        self._serving: Lock | None = None
        self._ended = False
        self.failed = trio.Event()
        self.owners: dict[str, Owner] = {}

    def register(self, name: str, owner: Owner) -> None:
        """See `CommitLog.register`. Raises PluginError when the name is taken."""
        if name in self.owners:
            raise PluginError(f"two owners of {name!r} in the commit log")
        self._names[name] = owner_prefix(name)
        self.owners[name] = owner

    @property
    def has_failed(self) -> bool:
        """See `CommitLog.has_failed`."""
        return self.failed.is_set()

    def read(self, reference: BlobReference) -> bytes | None:
        """See `CommitLog.read`."""
        return self._reader.read(reference)

    def is_aside(self, owner: str, key: str) -> bool:
        """See `CommitLog.is_aside`."""
        return self._aside.has(owner, key)

    async def restore(self, owner: str, key: str) -> None:
        """See `CommitLog.restore`."""
        try:
            await trio.to_thread.run_sync(
                restore_aside,
                self._directory,
                self._aside,
                self.owners,
                (owner, key),
                self._report,
            )
        except OSError as error:
            raise StorageTrouble(str(error), account=key) from error

    def free_octets(self) -> int:
        """Octets free on the log's file system. The reserve at MAIL is compared with them."""
        return self._free_at(int(self._clock.monotonic() * LOOKS_PER_SECOND))

    async def commit(self, changes: Sequence[Change]) -> None:
        """See `CommitLog.commit`."""
        if self._ended:
            raise StorageTrouble(_ENDED)
        if self._time is None:
            self._check_clean()
        group = Group(changes, trio.lowlevel.current_task())
        self._queue.append(group)
        self._wake()
        await trio.lowlevel.wait_task_rescheduled(group.abort)

    def note_recovered(self) -> None:
        """Allow commits, because `recover` has returned in this process.

        When another worker is killed from now on, the process that takes its place recovers what
        it left; this log goes on meanwhile. Blocking.
        """
        self._begin_serving()

    def _begin_serving(self) -> None:
        if self._serving is None:
            self._serving = hold_serving(self._directory)
        self._time = SiteTime(self._directory, self._clock)

    def distrust(self, detail: str) -> None:
        """See `CommitLog.distrust`."""
        self._report("log.distrusted", slot=self._slot, detail=detail)
        distrust(self._directory, detail)

    def _check_clean(self) -> None:
        if not is_clean(self._directory, self._clock, self._files):
            # Numbers assigned now would collide with those that a replay brings back.
            raise StorageTrouble("the commit log has not been recovered")
        self._begin_serving()

    @trio.lowlevel.enable_ki_protection
    async def run(self) -> None:
        """Do rounds until cancelled or failed. At the end every waiting caller gets an error."""
        try:
            while not self._ended:
                await self._turn()
        finally:
            self._ended = True
            if self._active:  # stopped within a round: perhaps its rows are not committed
                self.failed.set()
            for group in [*self._active, *self._queue]:
                group.end(StorageTrouble(_ENDED))

    async def tend(self) -> None:
        """Have an old segment sealed even if no more groups arrive; end after anybody's failed
        sync."""
        while True:
            await trio.sleep(self._settings.seal_after_seconds / 4)
            if is_distrusted(self._directory):
                self._end("a sync has failed, perhaps in another process")
            if self._spares.is_old():
                self._wake()

    async def keep_prepared(self) -> None:
        """Keep the next segment prepared."""
        await self._spares.run()

    def close(self) -> None:
        """Seal the segments with records; after a failure leave them to recovery."""
        if self._serving is not None:
            self._serving.close()
            self._serving = None
        if self.failed.is_set():
            return
        try:
            self._spares.close()
        except OSError as error:  # the next start replays the segment, which is harmless
            self._report("log.seal_failed", slot=self._slot, detail=str(error))

    async def _turn(self) -> None:
        if not self._queue:
            await self._park()
        # Let every task that is ready to run add its group to this round first.
        await trio.lowlevel.cancel_shielded_checkpoint()
        try:
            self._spares.seal_old()
            segment = await self._spares.room() if self._queue else None
        except OSError as error:
            self._refuse_all(error)
            return
        most = min(self._settings.round_groups, self._indexable())
        if most <= 0:
            self._refuse_all(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
            return
        self._take(most)
        if segment is not None and self._active and not await self._round(segment):
            with trio.move_on_after(self._settings.busy_pause_seconds * random.uniform(0.5, 1.5)):  # noqa: S311
                await self._park()

    def _indexable(self) -> int:
        """How many groups the indexes have room to commit. Asked before a record is written, since
        a commit that fails after the sync must be taken back."""
        free_octets = self._files.free_octets(self._directory)
        return (free_octets - self._settings.spared_octets) // GROUP_OCTETS

    def _refuse_all(self, error: OSError) -> None:
        self._take(len(self._queue))
        self._refuse(self._active, error)
        self._active = []

    async def _park(self) -> None:
        self._parked = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._unpark)

    def _unpark(self, _: object) -> trio.lowlevel.Abort:
        self._parked = None
        return trio.lowlevel.Abort.SUCCEEDED

    def _wake(self) -> None:
        if self._parked is not None:
            parked, self._parked = self._parked, None
            trio.lowlevel.reschedule(parked)

    def _take(self, most: int) -> None:
        queue, self._active = self._queue, []
        while queue and len(self._active) < most:
            group = queue.popleft()
            if group.task is not None:
                self._active.append(group)

    async def _round(self, segment: Segment) -> bool:
        """Write and commit what can be of `_active`; False if all of it waits for other
        processes."""
        taken = len(self._active)
        round_ = Round(self._active, self._report)

        def make_frame() -> FrameBuilder:
            salt = segment.descriptor.salt
            return FrameBuilder(self._slot, segment.generation, salt, segment.position, self._names)

        frame = round_.fill(make_frame, self._settings.round_octets)
        self._queue.extendleft(reversed(round_.later))
        self._queue.extend(round_.busy)
        self._active = round_.ready
        if round_.ready:
            error = await self._write(segment, frame, round_.ready)
            if error is None:
                round_.commit()
                if round_.refused:
                    await self._undo(segment, make_frame(), round_)
            else:
                round_.rollback()
                self._refuse(round_.ready, error)
        self._active = []
        if round_.resource_failed:
            if round_.disk_failed:
                self.distrust("an index could not be written")
            self._end("a resource failed")
        return len(round_.busy) < taken or len(self._queue) > len(round_.busy)

    async def _undo(self, segment: Segment, frame: FrameBuilder, round_: Round) -> None:
        """Take back the records whose rows were not committed, before their callers get the
        error."""
        self._active = round_.refused
        error: OSError | None = None
        if not round_.resource_failed:  # else the log ends, and recovery makes the rows
            frame.take_back(round_.taken_back)
            error = await self._write(segment, frame, [])
        if round_.resource_failed or error is not None:
            self._end(f"an index could not be committed: {error}")
        self._refuse(round_.refused, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    async def _write(
        self, segment: Segment, frame: FrameBuilder, groups: list[Group]
    ) -> OSError | None:
        """Put the frame on the disk; returns the error if that failed."""
        now_ns = self._written_at_ns + 1
        if self._time is not None:
            now_ns = max(now_ns, self._time.now_ns())
        parts = frame.finish(segment.sequence, now_ns)
        if not parts:
            return None
        number = segment.descriptor.number
        if segment.position + frame.octets + UNDO_OCTETS > self._settings.segment_octets:
            parts.append(_UNDO_ROOM)
        try:
            write_all(self._files, number, parts, segment.position)
        except OSError as error:
            # The next frame overwrites the written part of this one.
            if error.errno not in _FULL:
                self._end(str(error))
            return error
        for group in groups:
            group.begun = True
        try:
            await self._syncer.sync(number)
        except OSError as error:
            # The kernel may have dropped the pages; a second sync would succeed without them.
            self.distrust(str(error))
            self._end(str(error))
            return error
        self._written_at_ns = now_ns
        segment.advance(frame.octets, self._clock.monotonic())
        return None

    def _refuse(self, groups: list[Group], error: OSError) -> None:
        for group in groups:
            is_contained = error.errno in _FULL and not self._ended
            done = len(group.missing) < len(group.changes)
            if is_contained and group.missing and done:
                group.end(StorageFull(str(group.error or error), group.missing))
            elif is_contained and isinstance(group.error, StorageTrouble):
                group.end(StorageTrouble(str(group.error), account=group.error.account))
            elif is_contained:
                group.end(StorageFull(str(group.error or error)))
            else:
                group.end(StorageTrouble(str(error)))

    def _end(self, detail: str) -> None:
        if self._ended:
            return
        self._report("log.failed", slot=self._slot, detail=detail)
        self._ended = True
        self.failed.set()


def closed_log(directory: Path, clock: Clock) -> WorkerLog:
    """A log that takes owners, reads blobs and refuses every commit; touches no file."""
    log = WorkerLog(directory, 0, clock, LogSettings(), Files(), silent)
    log._ended = True  # noqa: SLF001 - a state of this class, made in its own module
    return log


@asynccontextmanager
async def open_log(
    directory: Path,
    *,
    clock: Clock,
    settings: LogSettings = LogSettings(),  # noqa: B008 - a frozen value
    files: Files | None = None,
    report: Report = silent,
) -> AsyncIterator[WorkerLog]:
    """The process holds a slot of the log, and its rounds run, until the block ends.

    Args:
        directory: the log's directory, the same for all workers of the site.
        clock: tells the time and the boot.
        settings: sizes and times.
        files: the file system; tests replace it.
        report: called with what an operator should look at.

    Raises:
        OSError: the directory cannot be used.
    """
    files = files or Files()
    slot, lock = await trio.to_thread.run_sync(take_slot, directory)
    with lock:
        log = WorkerLog(directory, slot, clock, settings, files, report)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(log.run)
                nursery.start_soon(log.tend)
                nursery.start_soon(log.keep_prepared)
                yield log
                nursery.cancel_scope.cancel()
        finally:
            log.close()
