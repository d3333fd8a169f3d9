"""Chains of rules, and how one rule is asked so that its failure never loses mail.

A stage is a typed loop in the module that owns it:

    run = chain.begin(transaction.id, transaction.journal)
    for rule in run.rules:
        answer = await run.ask(rule, rule.product.check_sender, transaction, sender)
        if not isinstance(answer, Continue):
            return answer

Rules of this file:
1. If a rule raises, misses the stage's deadline or answers nonsense, that is a temporary failure of
   this transaction; with `on_error = "continue"` the rule has no opinion. `thurn.chain.supervision`
   decides what counts as which.
2. Each run of a chain has one deadline, and an instance may have a shorter one. After a rule has
   missed it, the rules behind it get a new one.
3. A rule that is suspended is never skipped: the host answers in its place.
4. Every answer is journalled with instance, reason, source and duration.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter_ns
from typing import Final, Generic, ParamSpec, TypeVar

import trio

from thurn.chain.calls import Callee
from thurn.chain.nonsense import nonsense_in
from thurn.chain.rule import Answer, Product, Rule, Stage
from thurn.chain.supervision import Supervision, Unanswered
from thurn.types.decision import Continue, Tempfail
from thurn.types.errors import PermanentFailure, StorageError, TemporaryFailure
from thurn.types.session import JournalEntry
from thurn.types.status import LOCAL_ERROR

P = ParamSpec("P")
T = TypeVar("T", bound=Answer | None)


class Chain(Generic[Product]):
    """The rules of one stage of one listener; false if there are none."""

    __slots__ = ("rules", "stage", "supervision")

    def __init__(
        self,
        stage: Stage[Product],
        rules: Sequence[Rule[Product]],
        supervision: Supervision,
    ) -> None:
        self.stage = stage
        self.rules = tuple(rules)
        self.supervision = supervision
        for rule in self.rules:
            rule.callee = Callee(stage.name, rule.instance, rule.source)

    def __bool__(self) -> bool:
        return bool(self.rules)

    def begin(self, identifier: str, journal: JournalEntry | None) -> Run[Product]:
        """Begin a run of the chain.

        Args:
            identifier: the transaction's or session's id.
            journal: where answers are noted; None: nowhere.
        """
        return Run(self, identifier, journal)


class Run(Generic[Product]):
    """One run of a chain, for one transaction or session."""

    __slots__ = ("_chain", "_deadline", "_identifier", "_journal", "rules")

    def __init__(
        self, chain: Chain[Product], identifier: str, journal: JournalEntry | None
    ) -> None:
        self.rules = chain.rules
        self._chain = chain
        self._identifier = identifier
        self._journal = journal
        self._deadline = trio.current_time() + chain.stage.deadline_seconds

    async def ask(
        self,
        rule: Rule[Product],
        call: Callable[P, Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T | Continue | Tempfail:
        """Call a rule, and answer in its place if it cannot. None becomes `Continue()`: the result
        is never None, although its type says so (mypy cannot take None out of a union that it
        infers).

        Raises:
            trio.Cancelled: the caller was cancelled. Nothing else is ever raised.
        """
        started = perf_counter_ns()
        supervision, callee = self._chain.supervision, rule.callee
        answer: T | Continue | Tempfail
        deadline = self._deadline
        if rule.deadline_seconds is not None:
            deadline = min(deadline, trio.current_time() + rule.deadline_seconds)
        try:
            answer = await supervision.call(
                callee, self._identifier, deadline, call, *args, **kwargs
            )
            if answer is None:
                answer = _NOTHING
            elif not isinstance(answer, self._chain.stage.allowed):
                raise supervision.nonsense(callee, answer)
            elif problem := nonsense_in(answer):
                raise supervision.nonsense(callee, answer, problem)
        except Unanswered as error:
            if error.reason == "plugin.deadline":
                self._deadline = trio.current_time() + self._chain.stage.deadline_seconds
            answer = _answer_for(rule, error)
        except (TemporaryFailure, StorageError) as error:
            status = error.status if error.status.is_temporary else LOCAL_ERROR
            answer = Tempfail(
                "plugin.temporary", status.text, status.code, status.enhanced, detail=str(error)
            )
        except PermanentFailure as error:
            problem = "a permanent refusal must be an answer, not an exception"
            answer = _answer_for(rule, supervision.nonsense(callee, error, problem))
        if self._journal is not None:
            self._note(self._journal, rule, answer, started)
        return answer

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


def _answer_for(rule: Rule[Product], error: Unanswered) -> Continue | Tempfail:
    """The host's answer in place of a rule that gave none."""
    if rule.continue_on_error:
        return Continue(error.reason, str(error))
    return Tempfail(error.reason, detail=str(error))
