"""Answers the end of data: filters, delivery, one commit, then the reply (design D6).

This is the only place that says 250 to a message, and it says it after `commit_all` returned.
Whatever goes wrong here is a temporary failure, in one place (reliability rule 4).
"""

from __future__ import annotations

from typing import Literal

from thurn.contracts.mailflow import Outcome
from thurn.delivery.deposits import commit_all
from thurn.directory.expansion import expand
from thurn.mailflow.envelope import close_entry, trouble_of
from thurn.mailflow.plan import FlowPlan
from thurn.mailflow.replies import Settlement, Unit, find_missed, settle, settle_missed
from thurn.mailflow.stages import ask_filters
from thurn.mailflow.trace import RECEIVED_LIMIT, received
from thurn.types.content import Blob, Content
from thurn.types.decision import (
    AddRecipient,
    ChangeSender,
    Discard,
    Disconnect,
    Edit,
    Quarantine,
    Reject,
    RemoveRecipient,
    Tempfail,
)
from thurn.types.envelope import Recipient
from thurn.types.errors import StorageFull, TemporaryFailure
from thurn.types.events import TransactionEnded
from thurn.types.session import Target, Transaction
from thurn.types.status import LOOP, OK, QUEUED, Status

Replies = Literal["each", "one"]


async def receive(
    plan: FlowPlan, transaction: Transaction, blob: Blob, replies: Replies
) -> Outcome:
    """The answers to a whole message."""
    started = plan.clock.monotonic()
    count = len(transaction.recipients) if replies == "each" else 1
    transaction.journal.note(
        size=blob.size_octets, recipients=[str(r.address) for r in transaction.recipients[:100]]
    )
    try:
        settlement = await _receive(plan, transaction, blob, replies)
    except Exception as error:  # noqa: BLE001 - supervision point: one transaction
        status = trouble_of(error)
        plan.diagnostics.error(
            "transaction.failed", transaction=transaction.id, failure=repr(error)
        )
        transaction.journal.note(failure=f"{error!r:.500}")
        settlement = Settlement((status,) * count, "deferred")
    status = settlement.statuses[0]
    close_entry(plan, transaction, settlement.outcome, status)
    duration = plan.clock.monotonic() - started
    plan.events.emit(
        TransactionEnded(
            transaction.id,
            transaction.session.listener,
            settlement.outcome,
            blob.size_octets,
            duration,
        )
    )
    named = tuple(_named(status, transaction.id) for status in settlement.statuses)
    return Outcome(named, settlement.disconnect)


def _named(status: Status, identifier: str) -> Status:
    """The id is in the reply (design D4)."""
    return Status(status.code, status.enhanced, f"{status.text} ({identifier})")


async def _receive(
    plan: FlowPlan, transaction: Transaction, blob: Blob, replies: Replies
) -> Settlement:
    trace = received(transaction, plan.settings.hostname, plan.clock.wall())
    content = Content(blob, trace)
    count = len(transaction.recipients) if replies == "each" else 1
    if [field.name for field in content.scan.fields].count(b"received") > RECEIVED_LIMIT:
        return Settlement((LOOP,) * count, "refused")  # RFC 5321 §6.3
    filtered = await ask_filters(plan.chains.filters, transaction, content)
    for edit in filtered.edits:
        await _edit_envelope(plan, transaction, edit)
    decision, content = filtered.decision, filtered.content
    match decision:
        case Reject() | Tempfail() | Disconnect():
            outcome = "refused" if isinstance(decision, Reject) else "deferred"
            disconnect = isinstance(decision, Disconnect)
            return Settlement((decision.status,) * count, outcome, disconnect)
        case Discard():
            return Settlement((OK,) * count, "discarded")
    mailbox = decision.mailbox if isinstance(decision, Quarantine) else None
    units = await _deliver(plan, transaction, content, mailbox)
    settlement = await settle(plan, transaction, content, units, replies)
    try:
        if settlement.deposits:
            await commit_all(plan.commit_log, settlement.deposits)
    except StorageFull as error:
        missed = find_missed(units, settlement, error)
        if not await settle_missed(plan, transaction, content, settlement, missed, replies):
            raise
    for action in settlement.actions:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - it is durable: nothing may say otherwise now
            plan.diagnostics.error("action.failed", transaction=transaction.id, failure=repr(error))
    return settlement


async def _edit_envelope(plan: FlowPlan, transaction: Transaction, edit: Edit) -> None:
    match edit:
        case ChangeSender(sender):
            transaction.sender = sender
        case RemoveRecipient(address):
            for index, recipient in enumerate(transaction.recipients):
                if recipient.address == address:
                    transaction.targets[index] = ()
        case AddRecipient(address):
            added = Recipient(address)
            expansion = await expand(plan.directory, added, transaction.journal)
            if not expansion.targets:  # a copy that somebody wants is not dropped in silence
                raise TemporaryFailure(f"a filter adds {address}, which nobody here has")
            if transaction.targets:
                transaction.targets[0] = (*transaction.targets[0], *expansion.targets)


async def _deliver(
    plan: FlowPlan, transaction: Transaction, content: Content, quarantine: str | None
) -> list[Unit]:
    """One unit per target of each recipient; an account that is reached twice is served once, but
    what its rules refused for one sub-address they are asked again for another."""
    units: list[Unit] = []
    done: dict[str, Unit] = {}
    for index, targets in enumerate(transaction.targets):
        for target in targets:
            if target.account is None:
                units.append(_foreign(index, target, quarantine))
                continue
            first = done.get(target.account)
            if first and (first.status.is_success or first.target.detail == target.detail):
                units.append(Unit(index, target, first.status, same_as=first))
                continue
            delivered = await plan.local.deliver(
                transaction, target, target.account, content, key="", quarantine=quarantine
            )
            unit = Unit(index, target, delivered.status, delivered)
            done[target.account] = unit
            units.append(unit)
    return units


def _foreign(index: int, target: Target, quarantine: str | None) -> Unit:
    """A target elsewhere: the queue takes it; what was found bad is not sent on."""
    if quarantine is not None:
        return Unit(index, target, Status(550, "5.7.1", "The message was refused"))
    return Unit(index, target, QUEUED)
