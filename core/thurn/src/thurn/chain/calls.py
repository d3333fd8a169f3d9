"""Calls of plugins that may take longer than their callers wait.

Nobody can end a trio task that waits for a thread, or that ignores its cancellation; so the task of
a session must not be such a task. A call that may wait runs in a task of its own, taken from a
pool, and its caller waits for the answer or for the deadline (`call`).

Handing a call to the pool takes as long as many look-ups do. What is asked several times for each
message and hardly ever waits (accounts, stores) is therefore only *watched* in the task of its
caller (`watch`). If such a call misses its deadline, the session of its caller is ended with a
temporary failure, and from then on its instance is called in the pool.

Rules of this file:
1. The caller gets its answer in time. A call that misses its deadline is cancelled and gets
   `UNWIND_SECONDS` to clean up; after that it is *abandoned*: its caller goes on without it.
2. Abandoned calls are bounded: an instance with `ABANDONED_LIMIT` of them is not called again
   before one has come back.
3. A call that must be finished once it has begun (a commit) shields itself; it can only be
   abandoned.
4. The note of the current rule is set whenever the code of a call runs, and only then.

This cannot help with a call that *blocks* (computes, or sleeps without trio): it stops the whole
worker. The supervisor names it and replaces the worker.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Generator
from contextvars import copy_context
from dataclasses import dataclass, field
from types import CoroutineType, coroutine
from typing import Any, Final, Generic, ParamSpec, TypeVar

import trio
from trio.lowlevel import Abort

from thurn.chain.current import CurrentRule, label_of

P = ParamSpec("P")
T = TypeVar("T")

UNWIND_SECONDS: Final = 1.0
"""Seconds that a cancelled call gets to clean up before its caller goes on without it: closing
files and giving back connections takes milliseconds."""
ABANDONED_LIMIT: Final = 16
"""Most abandoned calls of one instance at the same time; each holds a task and mostly one of the 40
threads that trio lends."""
POOLED_SECONDS: Final = 600.0
"""Seconds for which an instance is called in the pool after it missed a deadline while watched."""
IDLE_LIMIT: Final = 64
"""Most idle tasks that the pool keeps for the next calls; each takes about 2 KiB."""
CLOSE_SECONDS: Final = 5.0
"""Seconds that closing the pool waits for the calls that it has cancelled."""


class CallOverran(Exception):
    """The call has not come back by its deadline.

    Attributes:
        seconds: how long the call was given.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no answer within {seconds:.3g} s")
        self.seconds = seconds


class CallsExhausted(Exception):
    """So many calls of this instance are abandoned that it is not called now."""


@dataclass(slots=True, eq=False)
class Callee:
    """The method of an instance that is called at a stage.

    Attributes:
        stage: the stage's name in the journal.
        instance: the instance's full name, such as "policy.sender".
        source: file:line of the code and of the configuration.
        label: the part of the current rule's note that is the same for all its calls.
        missed: how many deadlines it has missed in a row.
        suspended_until: when it may be called again, by trio's clock.
        pooled_until: when it is only watched again and not called in the pool, by trio's clock.
    """

    stage: str
    instance: str
    source: str = ""
    label: bytes = field(init=False)
    missed: int = 0
    suspended_until: float = 0.0
    pooled_until: float = 0.0

    def __post_init__(self) -> None:
        self.label = label_of(self.stage, self.instance, self.source)


class Calls:
    """The pool of one worker; its tasks start when they are first needed.

    Attributes:
        current: the note of the current rule.
        sessions: by the task of a session, what ends it if a watched call misses its deadline.
    """

    __slots__ = (
        "_abandoned",
        "_ended",
        "_idle",
        "_look",
        "_look_at",
        "_running",
        "_slots",
        "_watched",
        "current",
        "sessions",
    )

    def __init__(self, current: CurrentRule) -> None:
        self.current = current
        self._idle: list[_Slot] = []
        self._slots: set[_Slot] = set()
        self._running: dict[_Call[Any], None] = {}
        self._abandoned: dict[str, int] = {}
        self._look: trio.CancelScope | None = None
        self._look_at = math.inf  # at the earliest deadline of a running call, or before
        self._ended = trio.Event()
        self._watched: dict[Watched, None] = {}
        self.sessions: dict[trio.lowlevel.Task, Callable[[], None]] = {}

    async def call(
        self,
        callee: Callee,
        identifier: str,
        deadline: float,
        function: Callable[P, Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call a function of a plugin in a task of its own, and wait for it until a deadline.

        Args:
            callee: what is called.
            identifier: the transaction's or session's id.
            deadline: until when the caller waits, by trio's clock.
            function: the method.
            args: its positional arguments.
            kwargs: its named arguments.

        Raises:
            CallOverran: the deadline has passed.
            CallsExhausted: too many calls of this instance are abandoned; it was not called.
            BaseException: what the function has raised.

        Cancellation: the call is cancelled, too, and the caller does not wait for it.
        """
        if self._abandoned.get(callee.instance, 0) >= ABANDONED_LIMIT:
            raise CallsExhausted(f"{ABANDONED_LIMIT} earlier calls have not come back")
        call = _Call[T](self, callee, identifier, deadline, lambda: function(*args, **kwargs))
        self._running[call] = None
        if deadline < self._look_at:
            self._look_by(deadline)
        slot = self._idle.pop() if self._idle else _Slot(self)
        slot.begin(call)
        await trio.lowlevel.wait_task_rescheduled(call.leave)
        return call.result()

    def watch(
        self, callee: Callee, deadline: float, on_missed: Callable[[float], object]
    ) -> Watched:
        """Begin to watch a call in the task of its caller; `unwatch` ends that.

        Args:
            callee: what is called.
            deadline: when it is late, by trio's clock.
            on_missed: called with the seconds that the call was given, before the session of the
                task is ended.
        """
        watched = Watched(callee, deadline, on_missed)
        self._watched[watched] = None
        if deadline < self._look_at:
            self._look_by(deadline)
        return watched

    def unwatch(self, watched: Watched) -> None:
        """End the watching of a call that has come back."""
        del self._watched[watched]

    def abandoned(self, instance: str) -> int:
        """How many calls of an instance are abandoned and have not come back."""
        return self._abandoned.get(instance, 0)

    async def close(self, finish_seconds: float = CLOSE_SECONDS) -> None:
        """Cancel all calls, and wait a bounded time for them to end."""
        for slot in self._slots:
            slot.scope.cancel()
        with trio.move_on_after(finish_seconds, shield=True):
            while self._slots:
                self._ended = trio.Event()
                await self._ended.wait()
        if self._look is not None:
            self._look.cancel()

    def _look_by(self, at: float) -> None:
        """Look at the deadlines at this time, or earlier."""
        self._look_at = at
        if self._look is None:
            self._look = trio.CancelScope(deadline=at)
            trio.lowlevel.spawn_system_task(self._look_at_deadlines, self._look)
        self._look.deadline = at

    async def _look_at_deadlines(self, look: trio.CancelScope) -> None:
        with look:
            await trio.sleep_forever()
        self._look, self._look_at = None, math.inf
        now = trio.current_time()
        for call in [*self._running]:
            if call.deadline <= now:
                call.overrun(now)
        for watched in [*self._watched]:
            if watched.deadline <= now:
                self._cut(watched, now)
        deadlines = [call.deadline for call in self._running]
        deadlines += [watched.deadline for watched in self._watched]
        earliest = min(deadlines, default=math.inf)
        if earliest < math.inf:
            self._look_by(earliest)

    def _cut(self, watched: Watched, now: float) -> None:
        """End the session of a watched call that has missed its deadline."""
        watched.deadline = math.inf
        watched.callee.pooled_until = now + POOLED_SECONDS
        watched.on_missed(watched.seconds)
        cut = self.sessions.get(watched.task)
        if cut is not None:
            cut()

    def count_abandoned(self, instance: str) -> None:
        """Count a call that goes on without a caller."""
        self._abandoned[instance] = self._abandoned.get(instance, 0) + 1

    def ended(self, call: _Call[Any]) -> None:
        """Note that a call has come back."""
        del self._running[call]
        if call.is_abandoned:
            instance = call.callee.instance
            self._abandoned[instance] -= 1
            if not self._abandoned[instance]:
                del self._abandoned[instance]

    def keep(self, slot: _Slot) -> bool:
        """Keep an idle task for the next call; False if there are enough, so that it ends."""
        if len(self._idle) >= IDLE_LIMIT:
            return False
        self._idle.append(slot)
        return True

    def started(self, slot: _Slot) -> None:
        """Note that a task of the pool has started."""
        self._slots.add(slot)

    def stopped(self, slot: _Slot) -> None:
        """Note that a task of the pool has ended."""
        self._slots.discard(slot)
        if slot in self._idle:
            self._idle.remove(slot)
        if not self._slots:
            self._ended.set()


class Watched:
    """A call that runs in the task of its caller."""

    __slots__ = ("callee", "deadline", "on_missed", "seconds", "task")

    def __init__(
        self, callee: Callee, deadline: float, on_missed: Callable[[float], object]
    ) -> None:
        self.callee, self.deadline, self.on_missed = callee, deadline, on_missed
        self.seconds = deadline - trio.current_time()
        self.task = trio.lowlevel.current_task()


class _Call(Generic[T]):
    """One call: its caller, and its result."""

    __slots__ = (
        "_caller",
        "_calls",
        "_error",
        "_seconds",
        "_value",
        "callee",
        "deadline",
        "function",
        "identifier",
        "is_abandoned",
        "slot",
    )
    _value: T

    def __init__(
        self,
        calls: Calls,
        callee: Callee,
        identifier: str,
        deadline: float,
        function: Callable[[], Awaitable[T]],
    ) -> None:
        self.callee, self.identifier = callee, identifier
        self.deadline, self.function = deadline, function
        self.slot: _Slot | None = None
        self.is_abandoned = False
        self._calls = calls
        self._caller: trio.lowlevel.Task | None = trio.lowlevel.current_task()
        self._error: BaseException | None = None
        self._seconds = deadline - trio.current_time()

    def result(self) -> T:
        """The result of the call. Raises what the call has raised."""
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        return self._value

    def finish(self, value: T) -> None:
        """Note what the call has returned."""
        self._value = value
        self._wake()

    def fail(self, error: BaseException) -> None:
        """Note what the call has raised."""
        self._error = error
        self._wake()

    def cut(self) -> None:
        """Note that the call was cancelled or abandoned."""
        self.fail(CallOverran(self._seconds))

    def _wake(self) -> None:
        if self._caller is not None:
            caller, self._caller = self._caller, None
            trio.lowlevel.reschedule(caller)

    def leave(self, _: object) -> Abort:
        """Cancel the call, because its caller is cancelled."""
        self._caller = None
        self._abandon()
        self._cancel()
        return Abort.SUCCEEDED

    def overrun(self, now: float) -> None:
        """Cancel the call, because its deadline has passed; the second time, abandon it."""
        if self.slot is not None and self.slot.scope.cancel_called:
            self._abandon()
            self.cut()
        else:
            self.deadline = now + UNWIND_SECONDS
            self._cancel()

    def _abandon(self) -> None:
        if not self.is_abandoned:
            self.is_abandoned, self.deadline = True, math.inf
            self._calls.count_abandoned(self.callee.instance)

    def _cancel(self) -> None:
        if self.slot is not None:
            self.slot.scope.cancel()


class _Slot:
    """A task of the pool: it runs one call after the other, and ends after a call was cancelled."""

    __slots__ = ("_calls", "_task", "call", "scope")

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._task: trio.lowlevel.Task | None = None
        self.call: _Call[Any] | None = None
        self.scope = trio.CancelScope()

    def begin(self, call: _Call[Any]) -> None:
        """Run a call, with the context variables of its caller."""
        self.call, call.slot = call, self
        if self._task is None:
            self._calls.started(self)
            self._task = trio.lowlevel.spawn_system_task(self._run, context=copy_context())
        else:
            self._task.context = copy_context()
            trio.lowlevel.reschedule(self._task)

    async def _run(self) -> None:
        try:
            with self.scope:
                while self.call is not None:
                    await self._serve(self.call)
                    self.call = None
                    if self.scope.cancel_called or not self._calls.keep(self):
                        return
                    await trio.lowlevel.wait_task_rescheduled(_abort)
        finally:
            self._calls.stopped(self)

    async def _serve(self, call: _Call[Any]) -> None:
        try:
            current = self._calls.current
            call.finish(await noted(current, call.identifier, call.callee, call.function()))
        except trio.Cancelled:
            call.cut()
            raise
        except BaseException as error:  # noqa: BLE001 - raised by `call.result`, in the caller
            if self.scope.cancel_called:  # it failed because it was cancelled; this task ends now
                call.cut()
            else:
                call.fail(error)
        finally:
            self._calls.ended(call)


def _abort(_: object) -> Abort:
    return Abort.SUCCEEDED


@coroutine
def noted(
    current: CurrentRule, identifier: str, callee: Callee, awaitable: Awaitable[T]
) -> Generator[Any, Any, T]:
    """Await something, with the note of the current rule set whenever its code runs."""
    running = awaitable if isinstance(awaitable, CoroutineType) else _awaiting(awaitable)
    advance: Callable[[Any], Any] = running.send
    value: Any = None
    while True:
        current.enter(identifier, callee.label)
        try:
            trap = advance(value)
        except StopIteration as stop:
            answer: T = stop.value
            return answer
        finally:
            current.leave()
        try:
            value = yield trap
        except BaseException as error:  # noqa: BLE001 - the call handles it
            advance, value = running.throw, error
        else:
            advance = running.send


async def _awaiting(awaitable: Awaitable[T]) -> T:
    return await awaitable
