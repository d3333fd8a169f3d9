"""What scripts cost: the processor's time of each, summed over runs, and which are off for it.

Rules of this file:
1. A run is measured in the slices in which it really runs: what other tasks do while it waits is
   not its own.
2. Sums are kept in the worker; each second of use goes to the table that all workers share, so a
   cheap script costs nothing and a dear one is found by all workers together (the sums of one
   worker alone could be evaded by spreading: CVE-2026-40016).
3. Who is over the bound is off for a while; a changed script is another script.
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
"""A worker tells the others after so much use by one script: five hundred ordinary deliveries pay
for one write."""
SCRIPTS: Final = 4_096
"""Scripts whose sums a worker keeps; the one that was longest idle goes first."""


class Meter:
    """Counts the time of one run."""

    __slots__ = ("_started", "nanoseconds")

    def __init__(self) -> None:
        self.nanoseconds = 0
        self._started = 0

    def __enter__(self) -> None:
        """For what does not wait."""
        self._started = thread_time_ns()

    def __exit__(self, *_: object) -> None:
        self.nanoseconds += thread_time_ns() - self._started

    @coroutine
    def run(self, work: Awaitable[T]) -> Generator[Any, Any, T]:
        """Await the work; only its own slices are counted."""
        steps = work.__await__()
        send, value = steps.send, None
        while True:
            started = thread_time_ns()
            try:
                told = send(value)
            except StopIteration as end:
                result: T = end.value
                return result
            finally:
                self.nanoseconds += thread_time_ns() - started
            try:
                send, value = steps.send, (yield told)
            except BaseException as error:  # noqa: BLE001 - handed on to the work, as `yield from`
                send, value = steps.throw, error


class CpuBudget:
    """The sums of one instance."""

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
        """Whether the script (account and digest) has used more than it may."""
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
        """Count a run; True when the script is off from now on."""
        spent = self._spent.pop(script, 0.0) + nanoseconds / 1e9
        if spent < min(SHARED_SECONDS, self._seconds):
            self._spent[script] = spent
            if len(self._spent) > SCRIPTS:
                self._spent.popitem(last=False)
            return False
        total = await self._table.increment(
            script, int(spent * 1000), lifetime_seconds=self._window
        )
        if total < self._seconds * 1000:
            return False
        if len(self._off) >= SCRIPTS:
            self._off.pop(next(iter(self._off)))
        self._off[script] = self._clock.monotonic() + self._pause
        return True
