"""Turns what happened per target into deposits and replies (design D6).

With replies="each" (LMTP) every accepted RCPT has its status; with "one" a single answer speaks
for all: everybody rejects, 5xx; nobody is reached and nobody rejects, 4xx; mixed, those who were
reached are served, a rejecting recipient becomes a report to the sender and a failing one an entry
of the queue, all in the same commit, and the answer is 250.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from thurn.contracts.store import Deposit
from thurn.delivery.deposits import commit_all, is_missing
from thurn.delivery.local import Delivered
from thurn.delivery.report import Failure
from thurn.mailflow.plan import FlowPlan
from thurn.types.content import Content
from thurn.types.envelope import Envelope, Recipient
from thurn.types.errors import StorageFull
from thurn.types.session import Target, Transaction
from thurn.types.status import LOCAL_ERROR, QUEUED, STORAGE_FULL, STORED, Status


@dataclass(slots=True, eq=False)
class Unit:
    """One target of one recipient, and how it went.

    Attributes:
        index: of the recipient in the transaction.
        delivered: what local delivery prepared; None for targets elsewhere and repeats.
        same_as: the unit that served this account already.
    """

    index: int
    target: Target
    status: Status
    delivered: Delivered | None = None
    same_as: Unit | None = None

    @property
    def deposits(self) -> list[Deposit]:
        """What local delivery prepared."""
        return self.delivered.deposits if self.delivered is not None else []

    @property
    def is_foreign(self) -> bool:
        """It goes to the queue."""
        return self.target.account is None


@dataclass(slots=True)
class Settlement:
    """The replies, and what must be durable before they are given."""

    statuses: tuple[Status, ...]
    outcome: str
    disconnect: bool = False
    deposits: list[Deposit] = field(default_factory=list)
    actions: list[Callable[[], None]] = field(default_factory=list)


async def settle(
    plan: FlowPlan,
    transaction: Transaction,
    content: Content,
    units: Sequence[Unit],
    replies: Literal["each", "one"],
) -> Settlement:
    """Decide the replies and collect the deposits.

    Raises:
        TemporaryFailure: the queue is needed and there is none.
    """
    if replies == "each":
        statuses = _each(transaction, units)
        served = [unit for unit in units if statuses[unit.index].is_success]
        return await _collect(plan, transaction, content, served, [], statuses)
    reached = [unit for unit in units if unit.status.is_success]
    missed = [unit for unit in units if not unit.status.is_success]
    if not missed:
        return await _collect(plan, transaction, content, reached, [], (_answer(reached),))
    if not reached:
        verdict = _nobody(missed)
        if verdict is not None:
            outcome = "refused" if verdict.is_permanent else "deferred"
            return Settlement((verdict,), outcome)
    if plan.outgoing.queue is None:
        # Without a queue there is nowhere for the rest: the peer keeps all of it.
        transaction.journal.note(reason="queue.missing")
        worst = next((u.status for u in missed if u.status.is_temporary), LOCAL_ERROR)
        return Settlement((worst,), "deferred")
    return await _collect(plan, transaction, content, reached, missed, (_answer(reached),))


def _each(transaction: Transaction, units: Sequence[Unit]) -> tuple[Status, ...]:
    """The worst status among each recipient's targets; a temporary one is worst, as the peer
    then comes again."""
    statuses = [STORED] * len(transaction.recipients)
    for unit in units:
        current = statuses[unit.index]
        if current.is_success or (unit.status.is_temporary and current.is_permanent):
            statuses[unit.index] = unit.status
    return tuple(statuses)


def _nobody(missed: Sequence[Unit]) -> Status | None:
    """The answer when nobody was reached, or None when it is mixed."""
    permanent = [unit.status for unit in missed if unit.status.is_permanent]
    temporary = [unit.status for unit in missed if unit.status.is_temporary]
    if permanent and temporary:
        return None
    return (permanent or temporary)[0]


def _answer(reached: Sequence[Unit]) -> Status:
    only_foreign = bool(reached) and all(unit.is_foreign for unit in reached)
    return QUEUED if only_foreign or not reached else STORED


async def _collect(
    plan: FlowPlan,
    transaction: Transaction,
    content: Content,
    served: Sequence[Unit],
    missed: Sequence[Unit],
    statuses: tuple[Status, ...],
) -> Settlement:
    settlement = Settlement(statuses, "stored")
    sendings: list[tuple[Envelope, Content]] = []
    taken: set[Unit] = set()  # an account that two recipients reach is served once
    for unit in served:
        first = unit.same_as or unit
        if first.delivered is not None and first not in taken:
            taken.add(first)
            settlement.deposits.extend(first.delivered.deposits)
            settlement.actions.extend(first.delivered.actions)
            sendings.extend(first.delivered.sendings)
    failures = [Failure(u.target.recipient, u.status) for u in missed if u.status.is_permanent]
    if failures:
        sendings.extend(plan.outgoing.report(transaction, content, failures))
    if sendings:
        prepared = await plan.outgoing.prepare(transaction, sendings)
        settlement.deposits.extend(prepared.deposits)
        settlement.actions.extend(prepared.actions)
    waiting = [unit.target.recipient for unit in served if unit.is_foreign]
    waiting += [unit.target.recipient for unit in missed if unit.status.is_temporary]
    if waiting:
        settlement.deposits.append(_hold(plan, transaction, content, waiting))
        settlement.outcome = "stored" if any(not u.is_foreign for u in served) else "queued"
    if not any(status.is_success for status in statuses):
        worst_is_temporary = any(status.is_temporary for status in statuses)
        settlement.outcome = "deferred" if worst_is_temporary else "refused"
    return settlement


def find_missed(units: Sequence[Unit], settlement: Settlement, error: StorageFull) -> list[Unit]:
    """The units whose accounts had no room when others had, taken out of the settlement. None:
    nothing was done, or what is missing is the queue's or what rules send."""
    lost = [u for u in units if any(is_missing(deposit, error) for deposit in u.deposits)]
    theirs = [change for u in lost for deposit in u.deposits for change in deposit.changes]
    if not all(change in theirs for change in error.missing):
        return []
    settlement.actions = [
        action
        for action in settlement.actions
        if not any(u.delivered and action in u.delivered.actions for u in lost)
    ]
    return [u for u in units if (u.same_as or u) in lost]


async def settle_missed(
    plan: FlowPlan,
    transaction: Transaction,
    content: Content,
    settlement: Settlement,
    missed: Sequence[Unit],
    replies: Literal["each", "one"],
) -> bool:
    """Others have the message, and a retry would give it to them again: with "each" the replies say
    who has it not, with "one" the queue takes it for these. False: it cannot, the peer must retry.

    Raises:
        StorageError: the queue could not take it.
    """
    if replies == "each":
        statuses = list(settlement.statuses)
        for unit in missed:
            statuses[unit.index] = STORAGE_FULL
        settlement.statuses = tuple(statuses)
    elif missed and plan.outgoing.queue is not None:
        waiting = [unit.target.recipient for unit in missed]
        await commit_all(plan.commit_log, [_hold(plan, transaction, content, waiting, "rest")])
    else:
        return False
    return bool(missed)


def _hold(
    plan: FlowPlan,
    transaction: Transaction,
    content: Content,
    recipients: list[Recipient],
    word: str = "queue",
) -> Deposit:
    envelope = Envelope(transaction.sender, tuple(recipients), transaction.parameters)
    return plan.outgoing.hold(envelope, content, f"{transaction.id} {word}")
