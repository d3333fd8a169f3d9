"""The processor time that scripts use, summed over their runs, and the scripts that are off.

Rules of this file:
1. Only the slices in which a run really runs are measured; the time of other tasks, while it waits,
   does not count.
2. Sums are kept in the worker. Each second of use is added to the table that all workers share, so
   that a cheap script costs nothing, and all workers together notice an expensive one. The sums of
   one worker could be evaded by spreading the use over several (CVE-2026-40016).
3. A script over the bound is off for a while in the worker that noticed it. A changed script is
   another script.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Generator
from time import thread_time_ns
from types import coroutine
from typing import Any, Final, TypeVar

from thurn.plugin import Clock, Table

T = TypeVar("T")

SHARED_SECONDS: Final = 1.0
"""Seconds of processor time of one script that a worker keeps to itself before it adds them to the
shared table; five hundred ordinary deliveries make one write."""
MAX_SCRIPTS: Final = 4_096
"""Scripts whose sums a worker keeps; the one that has not run for the longest time goes first."""


class Meter:
    """Counts the processor time of one run.

    Attributes:
        nanoseconds: the time counted so far.
    """

    __slots__ = ("_started", "nanoseconds")

    def __init__(self) -> None:
        self.nanoseconds = 0
        self._started = 0

    def __enter__(self) -> None:
        """Start counting, for a run that does not wait."""
        self._started = thread_time_ns()

    def __exit__(self, *_: object) -> None:
        self.nanoseconds += thread_time_ns() - self._started

    @coroutine
    def run(self, work: Awaitable[T]) -> Generator[Any, Any, T]:
        """Await the work, and count only its own slices."""
        steps = work.__await__()
        send, value = steps.send, None
        while True:
            started = thread_time_ns()
            try:
                yielded = send(value)
            except StopIteration as end:
                result: T = end.value
                return result
            finally:
                self.nanoseconds += thread_time_ns() - started
            try:
                send, value = steps.send, (yield yielded)
            except BaseException as error:  # noqa: BLE001 - passed to the work, like `yield from`
                send, value = steps.throw, error


class CpuBudget:
    """The processor time of the scripts of one instance."""

    def __init__(
        self, table: Table, clock: Clock, *, seconds: float, window: float, pause: float
    ) -> None:
        self._table = table
        self._clock = clock
        self._seconds = seconds
        self._window = window
        self._pause = pause
        self._spent: OrderedDict[str, float] = OrderedDict()
        self._off: dict[str, float] = {}

    def is_off(self, script: str) -> bool:
        """Whether the script (its account and digest) is off in this worker."""
        if not self._off:
            return False
        until = self._off.get(script)
        if until is None:
            return False
        if until > self._clock.monotonic():
            return True
        del self._off[script]
        return False

    async def charge(self, script: str, nanoseconds: int) -> bool:
        """Add the time of a run, and return whether the script is off from now on."""
        spent = self._spent.pop(script, 0.0) + nanoseconds / 1e9
        if spent < min(SHARED_SECONDS, self._seconds):
            self._spent[script] = spent
            if len(self._spent) > MAX_SCRIPTS:
                self._spent.popitem(last=False)
            return False
        total = await self._table.increment(
            script, int(spent * 1000), lifetime_seconds=self._window
        )
        if total < self._seconds * 1000:
            return False
        if len(self._off) >= MAX_SCRIPTS:
            self._off.pop(next(iter(self._off)))
        self._off[script] = self._clock.monotonic() + self._pause
        return True
