"""The one chain runner: order, deadline, failure mode, journal (design D4, D5).

Rules of this file:
1. Rules are asked in order; the first answer other than Continue (or None) ends the chain.
2. A rule that raises, overruns the stage's deadline or answers nonsense is a temporary failure of
   this transaction, here and nowhere else; with `on_error = "continue"` it has no opinion.
3. One deadline per run of a non-empty chain. A rule that missed it `MISSES` times in a row is
   answered "temporary" for `SUSPENDED_SECONDS` without being called; it is never skipped.
4. Every decision is journalled with instance, reason and source. Empty chains cost nothing.
"""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any, Final

import trio

from thurn.chain.current import CurrentRule, label_of
from thurn.contracts.context import Diagnostics, Events
from thurn.types.decision import Continue, Reject, Tempfail
from thurn.types.errors import PermanentFailure, StorageError, TemporaryFailure
from thurn.types.events import PluginFailed
from thurn.types.session import JournalEntry
from thurn.types.status import LOCAL_ERROR

MISSES: Final = 3
"""Deadlines missed in a row before a rule is suspended; one slow look-up is no pattern."""
SUSPENDED_SECONDS: Final = 30.0

Then = Callable[[Any, Any], Any]


@dataclass(slots=True, eq=False)
class Rule:
    """One instance in a chain.

    Attributes:
        call: the bound method of its contract.
        continue_on_error: a failure is no opinion.
    """

    instance: str
    call: Callable[..., Awaitable[Any]]
    source: str = ""
    continue_on_error: bool = False
    missed: int = 0
    suspended_until: float = 0.0
    label: bytes = b""


@dataclass(frozen=True, slots=True)
class Failures:
    """Where failures of rules are told."""

    diagnostics: Diagnostics
    events: Events


class Chain:
    """The rules of one stage of one listener."""

    __slots__ = ("_allowed", "_failures", "_watch", "deadline_seconds", "rules", "stage")

    def __init__(
        self,
        stage: str,
        rules: Sequence[Rule],
        allowed: tuple[type, ...],
        deadline_seconds: float,
        failures: Failures,
        watch: CurrentRule,
    ) -> None:
        self.stage = stage
        self.rules = tuple(rules)
        self.deadline_seconds = deadline_seconds
        self._allowed = allowed
        self._failures = failures
        self._watch = watch
        for rule in self.rules:
            rule.label = label_of(stage, rule.instance, rule.source)

    def __bool__(self) -> bool:
        return bool(self.rules)

    async def run(
        self,
        identifier: str,
        journal: JournalEntry | None,
        first: Any,  # noqa: ANN401
        second: Any = None,  # noqa: ANN401
        *,
        then: Then | None = None,
    ) -> Any:  # noqa: ANN401 - one of the stage's decisions
        """Ask the rules; returns the decisive answer, or None when nobody had one.

        Args:
            identifier: the transaction's or session's id, for the watch.
            journal: where decisions are noted.
            first: the first argument of each call.
            second: the second argument of each call.
            then: called with each answer and the second argument; gives the next second one
                (edits of filters are seen by the filters after).
        """
        at = [0, second]  # the rule asked, and its second argument: a deadline undoes no edits
        while at[0] < len(self.rules):
            with trio.move_on_after(self.deadline_seconds) as scope:
                answer = await self._from(at, identifier, journal, first, then)
            if not scope.cancelled_caught:
                return answer
            rule = self.rules[at[0]]
            decision = self._missed(rule, journal)
            if not rule.continue_on_error:
                return decision
            at[0] += 1
        return None

    async def _from(
        self,
        at: list[Any],
        identifier: str,
        journal: JournalEntry | None,
        first: Any,  # noqa: ANN401
        then: Then | None,
    ) -> Any:  # noqa: ANN401
        for index in range(at[0], len(self.rules)):
            at[0] = index
            rule = self.rules[index]
            started = perf_counter_ns()
            self._watch.enter(identifier, rule.label)
            try:
                answer = await self._ask(rule, first, at[1])
            finally:
                self._watch.leave()
            if journal is not None:
                self._note(journal, rule, answer, started)
            if then is not None:
                at[1] = then(answer, at[1])
            if not isinstance(answer, Continue):
                return answer
        return None

    async def _ask(self, rule: Rule, first: Any, second: Any) -> Any:  # noqa: ANN401
        if rule.suspended_until and trio.current_time() < rule.suspended_until:
            return self._answer_for(rule, "plugin.suspended", "suspended after missed deadlines")
        try:
            answer = await rule.call(first, second)
        except (TemporaryFailure, StorageError) as error:
            told = error.status if error.status.is_temporary else LOCAL_ERROR
            detail = str(error)
            return Tempfail("plugin.temporary", told.text, told.code, told.enhanced, detail)
        except PermanentFailure as error:
            return self._failed(rule, f"PermanentFailure outside a decision: {error}", rule.source)
        except (Exception, SystemExit, GeneratorExit) as error:  # noqa: BLE001 - supervision point
            return self._failed(rule, _describe(error), _place(error, rule.source), error)
        except BaseExceptionGroup as group:  # of a nursery that was cancelled and failed, too
            cancelled = group.subgroup((trio.Cancelled, KeyboardInterrupt))
            if cancelled is not None:
                raise cancelled from None
            return self._failed(rule, _describe(group), _place(group, rule.source), group)
        rule.missed = 0
        if answer is None:
            return _NOTHING
        if not isinstance(answer, self._allowed) or _contradicts(answer):
            return self._failed(rule, f"answered nonsense: {answer!r:.200}", rule.source)
        return answer

    def _failed(
        self, rule: Rule, failure: str, source: str, error: BaseException | None = None
    ) -> Any:  # noqa: ANN401
        if error is not None:
            text = "".join(traceback.format_exception(error, limit=-20))
            self._failures.diagnostics.debug(
                "plugin.traceback", plugin=rule.instance, exception=text
            )
        self._tell(rule, failure, source)
        return self._answer_for(rule, "plugin.failed", f"{failure} ({source})")

    def _tell(self, rule: Rule, failure: str, source: str) -> None:
        self._failures.diagnostics.error(
            "plugin.failed", plugin=rule.instance, stage=self.stage, failure=failure, source=source
        )
        self._failures.events.emit(PluginFailed(rule.instance, self.stage, failure, source))

    def _missed(self, rule: Rule, journal: JournalEntry | None) -> Tempfail:
        """The deadline struck inside this rule."""
        rule.missed += 1
        if rule.missed >= MISSES:
            rule.suspended_until = trio.current_time() + SUSPENDED_SECONDS
        failure = f"no answer within {self.deadline_seconds:g} s"
        self._tell(rule, failure, rule.source)
        decision = Tempfail("plugin.deadline", detail=f"{failure} ({rule.source})")
        if journal is not None:
            self._note(journal, rule, decision, perf_counter_ns())
        return decision

    @staticmethod
    def _answer_for(rule: Rule, reason: str, detail: str) -> Continue | Tempfail:
        if rule.continue_on_error:
            return Continue(reason, detail)
        return Tempfail(reason, detail=detail)

    def _note(self, journal: JournalEntry, rule: Rule, answer: Any, started: int) -> None:  # noqa: ANN401
        duration_us = (perf_counter_ns() - started) // 1000
        if answer is _NOTHING:
            journal.stage(self.stage, rule.instance, "continue", us=duration_us)
            return
        journal.stage(
            self.stage,
            rule.instance,
            type(answer).__name__.lower(),
            reason=answer.reason,
            detail=answer.detail,
            source=rule.source,
            us=duration_us,
        )


_NOTHING: Final = Continue()


def _contradicts(answer: Any) -> bool:  # noqa: ANN401
    """A refusal whose code says otherwise: with 250 the peer would forget what nobody has."""
    wanted = {Reject: 5, Tempfail: 4}.get(type(answer))
    return wanted is not None and answer.code // 100 != wanted


def _describe(error: BaseException) -> str:
    return f"raised {type(error).__name__}: {error!s:.300}"


def _place(error: BaseException, fallback: str) -> str:
    """file:line where it was raised, innermost."""
    frames = [*traceback.walk_tb(error.__traceback__)]
    return f"{frames[-1][0].f_code.co_filename}:{frames[-1][1]}" if frames else fallback
