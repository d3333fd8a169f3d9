"""The one way to call a product: with a deadline, a breaker for failing instances, and a report.

Rules of this file:
1. `TemporaryFailure`, `PermanentFailure` and `StorageError` are answers, which a plugin raises on
   purpose. Whatever else it does wrong is a temporary failure and is reported with instance, file
   and line.
2. After an instance has missed its deadline `MISSES` times in a row at a stage, it is not called
   for `SUSPENDED_SECONDS`; instead each call fails temporarily at once.
"""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from types import UnionType
from typing import Final, Generic, ParamSpec, TypeVar

import trio

from thurn.chain.calls import Callee, CallOverran, Calls, CallsExhausted
from thurn.chain.nonsense import shown
from thurn.chain.rule import may_wait
from thurn.contracts.context import Diagnostics, Events
from thurn.types.errors import PermanentFailure, StorageError, TemporaryFailure
from thurn.types.events import PluginFailed

P = ParamSpec("P")
T = TypeVar("T")
Product_co = TypeVar("Product_co", covariant=True)

MISSES: Final = 3
"""How many deadlines an instance misses in a row before it is suspended; one slow look-up does not
count much."""
SUSPENDED_SECONDS: Final = 30.0
"""Seconds for which an instance that keeps missing its deadline is not called: long enough for what
it waits for to recover, and shorter than any peer's pause before a retry."""


class Unanswered(TemporaryFailure):
    """There is no answer, because of a fault of the plugin.

    Attributes:
        reason: "plugin.failed", "plugin.deadline", "plugin.suspended" or "plugin.exhausted".
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Supervised(Generic[Product_co]):
    """A product that is not called by a chain, and how it is called."""

    product: Product_co
    callee: Callee


@dataclass(frozen=True, slots=True)
class Supervision:
    """What all calls of a worker share.

    Attributes:
        diagnostics: where failures are reported to the operator.
        events: where failures are reported to plugins.
        calls: what runs the calls that may wait.
    """

    diagnostics: Diagnostics
    events: Events
    calls: Calls

    async def call(
        self,
        callee: Callee,
        identifier: str,
        deadline: float,
        function: Callable[P, Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call a function of a plugin.

        Args:
            callee: what is called.
            identifier: the transaction's or session's id, for the note of the current rule.
            deadline: when it is late, by trio's clock.
            function: the method.
            args: its positional arguments.
            kwargs: its named arguments.

        Raises:
            Unanswered: the plugin gave no answer; that was reported.
            TemporaryFailure, PermanentFailure, StorageError: raised by the plugin.
            trio.Cancelled: the caller was cancelled.
        """
        self.check(callee)
        calls = self.calls
        try:
            if may_wait(function):
                answer = await calls.call(callee, identifier, deadline, function, *args, **kwargs)
            else:
                calls.current.enter(identifier, callee.label)
                try:
                    answer = await function(*args, **kwargs)
                finally:
                    calls.current.leave()
        except CallOverran as overrun:
            raise self.missed(callee, overrun.seconds) from None
        except CallsExhausted as error:
            raise Unanswered("plugin.exhausted", str(error)) from None
        except BaseException as error:
            judged = self.judge(callee, error)
            if judged is error:
                raise
            raise judged from error
        callee.missed = 0
        return answer

    def check(self, callee: Callee) -> None:
        """Refuse to call an instance that keeps missing its deadlines.

        Raises:
            Unanswered: it is suspended.
        """
        if callee.suspended_until and trio.current_time() < callee.suspended_until:
            raise Unanswered("plugin.suspended", "suspended after missed deadlines")

    def judge(self, callee: Callee, error: BaseException) -> BaseException:
        """What the caller is to raise after a call has raised.

        Returns:
            What a plugin raises on purpose, and cancellation, as they are; otherwise `Unanswered`,
            and the failure was reported.
        """
        if isinstance(error, Unanswered):  # from a call within the call
            return error
        if isinstance(error, TemporaryFailure | PermanentFailure | StorageError):
            callee.missed = 0
            return error
        if isinstance(error, BaseExceptionGroup):  # a nursery that was cancelled and failed, too
            interrupted = error.subgroup((trio.Cancelled, KeyboardInterrupt))
            return self.raised(callee, error) if interrupted is None else interrupted
        if isinstance(error, Exception | SystemExit | GeneratorExit):
            return self.raised(callee, error)
        return error

    async def ask(
        self,
        callee: Callee,
        seconds: float,
        expected: type[object] | UnionType,
        function: Callable[P, Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Like `call`, with a time in seconds, and for an answer that must have a certain type.

        Raises:
            Unanswered: as `call`; also for an answer of another type.
            TemporaryFailure, PermanentFailure, StorageError: raised by the plugin.
        """
        deadline = trio.current_time() + seconds
        answer = await self.call(callee, "", deadline, function, *args, **kwargs)
        if not isinstance(answer, expected):
            raise self.nonsense(callee, answer)
        return answer

    async def look(
        self,
        callee: Callee,
        seconds: float,
        expected: type[object] | UnionType,
        function: Callable[P, Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Like `ask`, for what is asked several times for each message and hardly ever waits: the
        instance is called by `watched`, unless it has missed a deadline lately."""
        now = trio.current_time()
        if now < callee.pooled_until or not may_wait(function):
            return await self.ask(callee, seconds, expected, function, *args, **kwargs)
        answer = await self.watched(callee, now + seconds, function, *args, **kwargs)
        if not isinstance(answer, expected):
            raise self.nonsense(callee, answer)
        return answer

    async def watched(
        self,
        callee: Callee,
        deadline: float,
        function: Callable[P, Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call in this task. If the deadline is missed, the session of this task is ended.

        Raises:
            Unanswered: the plugin gave no answer; that was reported.
            TemporaryFailure, PermanentFailure, StorageError: raised by the plugin.
            trio.Cancelled: the caller was cancelled, or the session was ended.
        """
        self.check(callee)
        watched = self.calls.watch(callee, deadline, partial(self.missed, callee))
        try:
            answer = await function(*args, **kwargs)
        except BaseException as error:
            judged = self.judge(callee, error)
            if judged is error:
                raise
            raise judged from error
        finally:
            self.calls.unwatch(watched)
        callee.missed = 0
        return answer

    def nonsense(self, callee: Callee, answer: object, problem: str = "") -> Unanswered:
        """Report an answer that its contract does not have; returns the failure to raise."""
        failure = f"answered nonsense: {shown(answer)}{problem and ': '}{problem}"
        return self._unanswered(callee, failure, callee.source)

    def missed(self, callee: Callee, seconds: float) -> Unanswered:
        """Report a missed deadline; returns the failure to raise."""
        return self.fault(callee, f"no answer within {seconds:.3g} s", reason="plugin.deadline")

    def fault(
        self, callee: Callee, failure: str, source: str = "", reason: str = "plugin.failed"
    ) -> Unanswered:
        """Report a failure that counts as a missed deadline, so that enough of them in a row
        suspend the instance; returns the failure to raise.

        Args:
            callee: the instance that has failed.
            failure: what has happened, for the operator.
            source: file:line; "": the instance's own.
            reason: the word for the journal.
        """
        callee.missed += 1
        if callee.missed >= MISSES:
            callee.suspended_until = trio.current_time() + SUSPENDED_SECONDS
        return self._unanswered(callee, failure, source or callee.source, reason)

    def raised(self, callee: Callee, error: BaseException) -> Unanswered:
        """Report an exception that a plugin must not raise; returns the failure to raise."""
        callee.missed = 0
        text = "".join(traceback.format_exception(error, limit=-20))
        self.diagnostics.debug("plugin.traceback", plugin=callee.instance, exception=text)
        return self._unanswered(callee, described(error), place_of(error, callee.source))

    def _unanswered(
        self, callee: Callee, failure: str, source: str, reason: str = "plugin.failed"
    ) -> Unanswered:
        self.report(callee, failure, source)
        return Unanswered(reason, f"{failure} ({source})")

    def report(self, callee: Callee, failure: str, source: str) -> None:
        """Report a failure of an instance to the operator, and as an event."""
        self.diagnostics.error(
            "plugin.failed",
            plugin=callee.instance,
            stage=callee.stage,
            failure=failure,
            source=source,
        )
        self.events.emit(PluginFailed(callee.instance, callee.stage, failure, source))


def described(error: BaseException) -> str:
    """An exception as a text for the operator, even if its `str` raises; of a group, the first
    one."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    try:
        return f"raised {type(error).__name__}: {error!s:.300}"
    except Exception:  # noqa: BLE001 - a plugin's own `__str__`
        return f"raised {type(error).__name__}, whose text cannot be read"


def place_of(error: BaseException, fallback: str) -> str:
    """`file:line` of the innermost code that raised it; of a group, that of its first exception."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    frames = [*traceback.walk_tb(error.__traceback__)]
    return f"{frames[-1][0].f_code.co_filename}:{frames[-1][1]}" if frames else fallback
