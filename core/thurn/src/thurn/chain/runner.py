"""The fail-safe call of a rule, and the chain that is a list of rules (design D4, D5).

A stage is a typed loop in the module that owns it:

    run = chain.begin(transaction.id, transaction.journal)
    for rule in run.rules:
        answer = await run.ask(rule, rule.product.check_sender, transaction, sender)
        if not isinstance(answer, Continue):
            return answer

Rules of this file:
1. A rule that raises, overruns the stage's deadline or answers nonsense is a temporary failure of
   this transaction, here and nowhere else; with `on_error = "continue"` it has no opinion.
2. One deadline for each run of a chain; the rules after one that missed it get a fresh one. A rule
   that missed it `MISSES` times in a row is answered "temporary" for `SUSPENDED_SECONDS` without
   being called; it is never skipped.
3. Every answer is journalled with instance, reason, source and duration.
"""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Final, Generic, ParamSpec, TypeVar

import trio

from thurn.chain.current import CurrentRule, label_of
from thurn.chain.rule import Answer, Product, Rule, Stage
from thurn.contracts.context import Diagnostics, Events
from thurn.types.decision import Continue, Reject, Tempfail
from thurn.types.errors import PermanentFailure, StorageError, TemporaryFailure
from thurn.types.events import PluginFailed
from thurn.types.session import JournalEntry
from thurn.types.status import LOCAL_ERROR

P = ParamSpec("P")
T = TypeVar("T", bound=Answer | None)

MISSES: Final = 3
"""Deadlines missed in a row before a rule is suspended; one slow look-up is not a pattern."""
SUSPENDED_SECONDS: Final = 30.0
"""How long a rule that keeps missing its deadline is answered for without being called: long
enough to take the load off what it waits for, shorter than any peer's pause before a retry."""


@dataclass(frozen=True, slots=True)
class ChainHost:
    """What a chain uses of its worker.

    Attributes:
        diagnostics: where failures are reported to the operator.
        events: where they are reported to plugins.
        current: notes which rule is running.
    """

    diagnostics: Diagnostics
    events: Events
    current: CurrentRule


class Chain(Generic[Product]):
    """The rules of one stage of one listener; false when it has none."""

    __slots__ = ("deadline_seconds", "host", "rules", "stage")

    def __init__(
        self,
        stage: Stage[Product],
        rules: Sequence[Rule[Product]],
        host: ChainHost,
        deadline_seconds: float | None = None,
    ) -> None:
        self.stage = stage
        self.rules = tuple(rules)
        self.host = host
        self.deadline_seconds = deadline_seconds or stage.deadline_seconds
        for rule in self.rules:
            rule.label = label_of(stage.name, rule.instance, rule.source)

    def __bool__(self) -> bool:
        return bool(self.rules)

    def begin(self, identifier: str, journal: JournalEntry | None) -> Run[Product]:
        """A run of the chain.

        Args:
            identifier: the transaction's or session's id.
            journal: where answers are noted; None notes nothing.
        """
        return Run(self, identifier, journal)


class Run(Generic[Product]):
    """The rules of a chain, asked for one transaction or session."""

    __slots__ = ("_chain", "_deadline", "_identifier", "_journal", "rules")

    def __init__(
        self, chain: Chain[Product], identifier: str, journal: JournalEntry | None
    ) -> None:
        self.rules = chain.rules
        self._chain = chain
        self._identifier = identifier
        self._journal = journal
        self._deadline = trio.current_time() + chain.deadline_seconds

    async def ask(
        self,
        rule: Rule[Product],
        call: Callable[P, Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T | Continue | Tempfail:
        """Call a rule, and answer for it where it cannot. None becomes `Continue()`: the result is
        never None, whatever its type says (mypy cannot take None out of a union that it infers).

        Raises:
            trio.Cancelled: the caller was cancelled; nothing else is ever raised.
        """
        started = perf_counter_ns()
        answer: T | Continue | Tempfail
        if rule.suspended_until and trio.current_time() < rule.suspended_until:
            text = "suspended after missed deadlines"
            answer = _answer_for(rule, "plugin.suspended", text)
        else:
            answer = await self._call(rule, call, *args, **kwargs)
        if self._journal is not None:
            self._note(self._journal, rule, answer, started)
        return answer

    async def _call(
        self,
        rule: Rule[Product],
        call: Callable[P, Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T | Continue | Tempfail:
        scope: trio.CancelScope | None = None
        answer: T | None = None
        current = self._chain.host.current
        current.enter(self._identifier, rule.label)
        try:
            if rule.waits:
                with trio.CancelScope(deadline=self._deadline) as scope:
                    answer = await call(*args, **kwargs)
            else:
                answer = await call(*args, **kwargs)
        except (Exception, SystemExit, GeneratorExit) as error:  # noqa: BLE001 - supervision point
            return self._missed(rule) if _is_cut(scope) else self._failed(rule, error)
        except BaseExceptionGroup as group:  # a nursery that was cancelled and failed, too
            cancelled = group.subgroup((trio.Cancelled, KeyboardInterrupt))
            if cancelled is not None:
                raise cancelled from None
            return self._missed(rule) if _is_cut(scope) else self._failed(rule, group)
        finally:
            current.leave()
        if _is_cut(scope):
            return self._missed(rule)
        rule.missed = 0
        if answer is None:
            return _NOTHING
        if not isinstance(answer, self._chain.stage.allowed) or _contradicts(answer):
            return self._refused(rule, f"answered nonsense: {answer!r:.200}", rule.source)
        return answer

    def _failed(self, rule: Rule[Product], error: BaseException) -> Continue | Tempfail:
        """The answer for a rule that has raised."""
        if isinstance(error, TemporaryFailure | StorageError):
            told = error.status if error.status.is_temporary else LOCAL_ERROR
            detail = str(error)
            return Tempfail("plugin.temporary", told.text, told.code, told.enhanced, detail)
        if isinstance(error, PermanentFailure):
            text = f"PermanentFailure outside a decision: {error}"
            return self._refused(rule, text, rule.source)
        text = "".join(traceback.format_exception(error, limit=-20))
        diagnostics = self._chain.host.diagnostics
        diagnostics.debug("plugin.traceback", plugin=rule.instance, exception=text)
        return self._refused(rule, _describe(error), _place(error, rule.source))

    def _missed(self, rule: Rule[Product]) -> Continue | Tempfail:
        """The answer for a rule inside which the deadline has struck."""
        rule.missed += 1
        now = trio.current_time()
        if rule.missed >= MISSES:
            rule.suspended_until = now + SUSPENDED_SECONDS
        seconds = self._chain.deadline_seconds
        self._deadline = now + seconds
        failure = f"no answer within {seconds:g} s"
        self._report(rule, failure, rule.source)
        return _answer_for(rule, "plugin.deadline", f"{failure} ({rule.source})")

    def _refused(self, rule: Rule[Product], failure: str, source: str) -> Continue | Tempfail:
        self._report(rule, failure, source)
        return _answer_for(rule, "plugin.failed", f"{failure} ({source})")

    def _report(self, rule: Rule[Product], failure: str, source: str) -> None:
        host, stage = self._chain.host, self._chain.stage.name
        host.diagnostics.error(
            "plugin.failed", plugin=rule.instance, stage=stage, failure=failure, source=source
        )
        host.events.emit(PluginFailed(rule.instance, stage, failure, source))

    def _note(
        self, journal: JournalEntry, rule: Rule[Product], answer: Answer | None, started: int
    ) -> None:
        stage, duration_us = self._chain.stage.name, (perf_counter_ns() - started) // 1000
        if answer is None or answer is _NOTHING:
            journal.stage(stage, rule.instance, "continue", us=duration_us)
            return
        journal.stage(
            stage,
            rule.instance,
            type(answer).__name__.lower(),
            reason=answer.reason,
            detail=answer.detail,
            source=rule.source,
            us=duration_us,
        )


_NOTHING: Final = Continue()


def _answer_for(rule: Rule[Product], reason: str, detail: str) -> Continue | Tempfail:
    """What stands for the answer of a rule that has none."""
    if rule.continue_on_error:
        return Continue(reason, detail)
    return Tempfail(reason, detail=detail)


def _is_cut(scope: trio.CancelScope | None) -> bool:
    return scope is not None and scope.cancelled_caught


def _contradicts(answer: Answer) -> bool:
    """A refusal whose code says otherwise: with 250 the peer would forget what nobody has."""
    match answer:
        case Reject(code=code):
            return code // 100 != 5
        case Tempfail(code=code):
            return code // 100 != 4
        case _:
            return False


def _describe(error: BaseException) -> str:
    return f"raised {type(error).__name__}: {error!s:.300}"


def _place(error: BaseException, fallback: str) -> str:
    """file:line where it was raised, innermost."""
    frames = [*traceback.walk_tb(error.__traceback__)]
    return f"{frames[-1][0].f_code.co_filename}:{frames[-1][1]}" if frames else fallback
