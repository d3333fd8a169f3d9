"""One round: begin the resources of the groups that have arrived, apply the changes, later commit.

A group whose resource is held by another process waits. A group that raises is taken out: the whole
round is rolled back, the groups before it are applied again, and those after it go first in the
next round. So the work of a round is linear however many groups fail.

If a resource has no room for its commit, or is damaged, its groups are refused and the records of
its changes must be taken back, since the frame is on the disk already.

Rules of this file: no I/O of its own and no `await`; resources and changes may raise anything.
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
"""Seconds that a group waits for a resource that another process holds, before it fails with
nothing done. A peer waits 600 s for the answer to the end of data (RFC 5321 §4.5.3.2.6)."""
_SUCCEEDED: Final = trio.lowlevel.Abort.SUCCEEDED
_FAILED: Final = trio.lowlevel.Abort.FAILED


class Group:
    """One call of `commit`.

    Attributes:
        changes: what the caller wants done in one commit.
        error: why a resource could not commit.
        missing: the changes that a resource could not commit.
        until: when it stops waiting for a resource that another process holds, by trio's clock.
        task: the caller's parked task; None once it goes on.
        begun: whether its frame is being synced, so that it cannot be withdrawn.
    """

    __slots__ = ("begun", "changes", "error", "missing", "task", "until")

    def __init__(self, changes: Sequence[Change], task: trio.lowlevel.Task) -> None:
        self.changes = changes
        self.error: Exception | None = None
        self.missing: list[Change] = []
        self.until = trio.current_time() + BUSY_SECONDS
        self.task: trio.lowlevel.Task | None = task
        self.begun = False

    def abort(self, _: object) -> trio.lowlevel.Abort:
        """The caller is cancelled: withdraw the group, or, once it is being synced, finish
        first."""
        if self.begun:
            return _FAILED
        self.task = None
        return _SUCCEEDED

    def end(self, error: Exception | None = None) -> None:
        """Let the caller go on, or raise the error there."""
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
        ready: the groups that this round will write.
        later: the groups that go first in the next round.
        busy: the groups that wait for another process.
        refused: the groups of which a resource could not commit something.
        taken_back: the records of their changes, bit N for record N of the frame.
        resource_failed: a resource could not be rolled back or committed; the log cannot go on.
        disk_failed: a resource reported that the disk refused a write or a sync.
    """

    __slots__ = (
        "_begun",
        "_report",
        "_spans",
        "busy",
        "disk_failed",
        "later",
        "ready",
        "refused",
        "resource_failed",
        "taken_back",
    )

    def __init__(self, groups: list[Group], report: Report) -> None:
        self.ready = groups
        self.later: list[Group] = []
        self.busy: list[Group] = []
        self.refused: list[Group] = []
        self.taken_back = 0
        self.resource_failed = self.disk_failed = False
        self._spans: list[tuple[Resource | None, int, int]] = []
        self._begun: dict[Resource, bool] = {}
        self._report = report

    def fill(self, make_frame: Callable[[], FrameBuilder], limit_octets: int) -> FrameBuilder:
        """Begin and apply until every group in `ready` has been applied; returns their frame."""
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
            except Exception as error:  # noqa: BLE001 - it is raised in the caller of this group
                group.end(error)
        self.ready = ready

    def _apply(self, frame: FrameBuilder, limit_octets: int) -> tuple[int, Exception | None]:
        """How many groups were applied, and what the next one raised."""
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
            except Exception as error:  # noqa: BLE001 - it is raised in the caller of this group
                return count, error
            count += 1
        return count, None

    def rollback(self) -> None:
        """Undo what the resources have begun."""
        for resource, free in self._begun.items():
            if free:
                self._call(resource.rollback)
        self._begun = {}

    def commit(self) -> None:
        """Commit the resources and let the callers go on; the frame is on the disk already."""
        failed: dict[Resource | None, Exception] = {
            resource: error
            for resource, free in self._begun.items()
            if free and (error := self._call(resource.commit)) is not None
        }
        for resource, first, end in self._spans if failed else ():
            if resource in failed:
                self.taken_back |= (1 << end) - (1 << first)
        for group in self.ready:
            for change in group.changes:
                if change.resource in failed:
                    group.missing.append(change)
                    group.error = failed[change.resource]
                    continue
                try:
                    change.applied()
                except Exception as error:  # noqa: BLE001 - the change is durable all the same
                    self._report("log.observer_failed", detail=repr(error))
            if group.missing:
                self.refused.append(group)
            else:
                group.end()

    def _call(self, step: Callable[[], None]) -> Exception | None:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - the other resources must still be ended
            self._report("log.resource_failed", detail=repr(error))
            if not _is_contained(error):
                self.resource_failed = True
                self.disk_failed = self.disk_failed or isinstance(error, StorageTrouble)
            return error
        return None


def _is_contained(error: Exception) -> bool:
    """Whether the error is one resource's alone, so that the log can go on."""
    return isinstance(error, StorageFull) or (
        isinstance(error, StorageTrouble) and bool(error.account)
    )
