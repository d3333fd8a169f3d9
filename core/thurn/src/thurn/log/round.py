"""One round: begin the resources of what has arrived, apply the changes, later commit.

A group whose resource another process holds waits. A group that raises is taken out: all of the
round is rolled back, what had been applied before it is applied again, and what came after it goes
first in the next round. So a round's work is linear however many groups fail.

A resource that has no room for its commit is rolled back: its groups are refused, and the records
of its changes are to be taken back from the frame, which is on the disk already.

Rules of this file: no I/O of its own, no awaiting; resources and changes may raise anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import outcome
import trio

from thurn.contracts.commitlog import Change, Resource
from thurn.log.frame import FrameBuilder
from thurn.log.settings import Report
from thurn.types.errors import StorageFull, StorageTrouble

BUSY_SECONDS: Final = 120.0
"""For so long a group waits for what another process has; then nothing of it has happened. A peer
waits 600 s for the end of data (RFC 5321 §4.5.3.2.6)."""
_SUCCEEDED: Final = trio.lowlevel.Abort.SUCCEEDED
_FAILED: Final = trio.lowlevel.Abort.FAILED


class Group:
    """One call of `commit`: its changes (`missing`: that a resource could not commit), its parked
    task (None once it has been told), and until when it waits for a resource that another process
    has."""

    __slots__ = ("begun", "changes", "missing", "task", "until")

    def __init__(self, changes: Sequence[Change], task: trio.lowlevel.Task) -> None:
        self.changes = changes
        self.missing: list[Change] = []
        self.until = trio.current_time() + BUSY_SECONDS
        self.task: trio.lowlevel.Task | None = task
        self.begun = False

    def abort(self, _: object) -> trio.lowlevel.Abort:
        """Cancelled: withdrawn before the round, shielded in it."""
        if self.begun:
            return _FAILED
        self.task = None
        return _SUCCEEDED

    def end(self, error: Exception | None = None) -> None:
        """Let the caller go on, or raise this there."""
        task, self.task = self.task, None
        if task is None:
            return
        if error is None:
            trio.lowlevel.reschedule(task)
        else:
            trio.lowlevel.reschedule(task, outcome.Error(error))


class Round:
    """The groups of one round and the resources they have begun.

    Attributes:
        ready: what this round will write.
        later: what goes first in the next round.
        busy: what waits for another process.
        refused: what a resource could not commit.
        taken_back: bits of the records of these changes.
        trouble: a resource could not be rolled back or committed; the log cannot go on.
    """

    __slots__ = (
        "_begun",
        "_report",
        "_spans",
        "busy",
        "later",
        "ready",
        "refused",
        "taken_back",
        "trouble",
    )

    def __init__(self, groups: list[Group], report: Report) -> None:
        self.ready = groups
        self.later: list[Group] = []
        self.busy: list[Group] = []
        self.refused: list[Group] = []
        self.taken_back = 0
        self.trouble = False
        self._spans: list[tuple[Resource | None, int, int]] = []
        self._begun: dict[Resource, bool] = {}
        self._report = report

    def fill(self, make_frame: Callable[[], FrameBuilder], limit_octets: int) -> FrameBuilder:
        """Begin and apply until what is `ready` has applied as a whole; gives its frame."""
        while True:
            self._begin()
            frame = make_frame()
            applied, error = self._apply(frame, limit_octets)
            if error is None:
                self.later[:0] = self.ready[applied:]
                del self.ready[applied:]
                if not self.ready:
                    self.rollback()
                return frame
            self.rollback()
            failing = self.ready[applied]
            self.later[:0] = self.ready[applied + 1 :]
            del self.ready[applied:]
            failing.end(error)

    def _begin(self) -> None:
        begun = self._begun
        ready = []
        for group in self.ready:
            try:
                for change in group.changes:
                    resource = change.resource
                    if resource is None:
                        continue
                    free = begun.get(resource)
                    if free is None:
                        free = begun[resource] = resource.begin()
                    if not free:
                        if group.until <= trio.current_time():
                            raise StorageTrouble("an index stayed busy")  # noqa: TRY301
                        self.busy.append(group)
                        break
                else:
                    ready.append(group)
            except Exception as error:  # noqa: BLE001 - it belongs to the caller of this group
                group.end(error)
        self.ready = ready

    def _apply(self, frame: FrameBuilder, limit_octets: int) -> tuple[int, Exception | None]:
        """How many groups have applied, and what the next one raised."""
        count = 0
        self._spans = []
        for group in self.ready:
            if frame.octets > limit_octets:
                break
            try:
                for change in group.changes:
                    first = frame.count
                    change.apply(frame)
                    self._spans.append((change.resource, first, frame.count))
            except Exception as error:  # noqa: BLE001 - it belongs to the caller of this group
                return count, error
            count += 1
        return count, None

    def rollback(self) -> None:
        """Nothing has happened."""
        for resource, free in self._begun.items():
            if free:
                self._call(resource.rollback)
        self._begun = {}

    def commit(self) -> None:
        """Make visible what can be and let its callers go on; the frame is on the disk."""
        broken: set[Resource | None] = {
            resource
            for resource, free in self._begun.items()
            if free and not self._call(resource.commit)
        }
        for resource, first, end in self._spans if broken else ():
            if resource in broken:
                self.taken_back |= (1 << end) - (1 << first)
        for group in self.ready:
            for change in group.changes:
                if change.resource in broken:
                    group.missing.append(change)
                    continue
                try:
                    change.applied()
                except Exception as error:  # noqa: BLE001 - it is durable; the caller must hear so
                    self._report("log.observer_failed", detail=repr(error))
            if group.missing:
                self.refused.append(group)
            else:
                group.end()

    def _call(self, step: Callable[[], None]) -> bool:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - the others of the round must end all the same
            self._report("log.resource_failed", detail=repr(error))
            self.trouble = self.trouble or not isinstance(error, StorageFull)
            return False
        return True
