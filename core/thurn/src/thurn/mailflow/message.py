"""Answers the end of data: completes what was submitted, asks the filters, delivers, then replies.

Rules of this file:
1. It is the only place that answers a message with 250, and it does so only with the receipt that
   delivery gives after its commit has returned.
2. Every error becomes a temporary failure, in one place (`receive`).
"""

from __future__ import annotations

import trio
from thurn_message.scanner import Scan

from thurn.contracts.mailflow import Outcome
from thurn.contracts.policy import TransactionOutcome
from thurn.delivery.deliver import LateReceipt, Receipt, deliver
from thurn.delivery.disposition import Replies
from thurn.directory.expansion import expand
from thurn.mailflow.envelope import TAKEN, close_entry, trouble_of
from thurn.mailflow.late import key_of
from thurn.mailflow.plan import FlowPlan
from thurn.mailflow.stages import ask_filters
from thurn.mailflow.submission import HEADER_TOO_LARGE, complete
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
from thurn.types.errors import TemporaryFailure
from thurn.types.events import TransactionEnded
from thurn.types.session import Transaction
from thurn.types.status import LOOP, OK, Status


async def receive(
    plan: FlowPlan, transaction: Transaction, blob: Blob, replies: Replies
) -> Outcome:
    """The answers to a whole message."""
    started, sender = plan.clock.monotonic(), transaction.sender
    transaction.journal.note(
        size=blob.size_octets, recipients=[str(r.address) for r in transaction.recipients[:100]]
    )
    try:
        receipt = _find_late(plan, transaction, blob, replies)
        if receipt is None:
            receipt = await _admit(plan, transaction, blob, replies)
    except Exception as error:  # noqa: BLE001 - supervision point: one transaction
        plan.diagnostics.error(
            "transaction.failed", transaction=transaction.id, failure=repr(error)
        )
        transaction.journal.note(failure=f"{error!r:.500}")
        if isinstance(error, LateReceipt):
            plan.late.add(key_of(sender, transaction, blob, replies), error)
        receipt = _alike(transaction, replies, trouble_of(error), "deferred")
    close_entry(plan, transaction, receipt.outcome, receipt.statuses[0])
    if replies == "each" and receipt.outcome in TAKEN:
        for recipient, status in zip(transaction.recipients, receipt.statuses, strict=True):
            if not status.is_success:
                plan.lines.recipient_refused(
                    transaction, recipient.address, status, "delivery.failed"
                )
    plan.events.emit(
        TransactionEnded(
            transaction.id,
            transaction.session.listener,
            receipt.outcome,
            blob.size_octets,
            plan.clock.monotonic() - started,
        )
    )
    named = tuple(_named(status, transaction.id) for status in receipt.statuses)
    return Outcome(named, receipt.disconnect)


def _find_late(
    plan: FlowPlan, transaction: Transaction, blob: Blob, replies: Replies
) -> Receipt | None:
    """The receipt of a repeat whose first commit has ended after its peer was answered 451.

    Raises:
        TemporaryFailure: that commit has not ended yet.
    """
    if not plan.late:
        return None
    receipt = plan.late.find(key_of(transaction.sender, transaction, blob, replies))
    if receipt is not None:
        transaction.journal.note(reason="commit.late")
    return receipt


def _named(status: Status, identifier: str) -> Status:
    """The status with the id of the transaction, by which `thurn explain` finds it."""
    return Status(status.code, status.enhanced, f"{status.text} ({identifier})")


async def _admit(plan: FlowPlan, transaction: Transaction, blob: Blob, replies: Replies) -> Receipt:
    """Receive the message in turn, if it has to be read into memory from its file."""
    if blob.path is None:
        return await _receive(plan, transaction, blob, replies)
    async with plan.ledger.scan_turn(blob.size_octets):
        return await _receive(plan, transaction, blob, replies)


async def _scanned(content: Content) -> Scan:
    """The scan of a message; one from a file is read and scanned in a thread."""
    if content.blob.path is None:
        return content.scan
    return await trio.to_thread.run_sync(lambda: content.scan)


async def _receive(
    plan: FlowPlan, transaction: Transaction, blob: Blob, replies: Replies
) -> Receipt:
    hostname, now = plan.settings.hostname, plan.clock.wall()
    content = Content(blob)
    if plan.settings.submission:
        if not (await _scanned(content)).has_all_fields:
            return _alike(transaction, replies, HEADER_TOO_LARGE, "refused")
        content = await complete(
            content, transaction, directory=plan.directory, hostname=hostname, now=now
        )
    content = content.prepend(received(transaction, hostname, now))
    fields = (await _scanned(content)).fields
    if [field.name for field in fields].count(b"received") > RECEIVED_LIMIT:
        return _alike(transaction, replies, LOOP, "refused")  # RFC 5321 §6.3
    filtered = await ask_filters(plan.chains.filters, transaction, content)
    for edit in filtered.edits:
        await _edit_envelope(plan, transaction, edit)
    decision = filtered.decision
    if isinstance(decision, Reject | Tempfail | Disconnect):
        outcome: TransactionOutcome = "refused" if isinstance(decision, Reject) else "deferred"
        disconnect = isinstance(decision, Disconnect)
        return _alike(transaction, replies, decision.status, outcome, disconnect=disconnect)
    if isinstance(decision, Discard):
        return _alike(transaction, replies, OK, "discarded")
    mailbox = decision.mailbox if isinstance(decision, Quarantine) else None
    return await deliver(plan.delivery, transaction, filtered.content, replies, mailbox)


def _alike(
    transaction: Transaction,
    replies: Replies,
    status: Status,
    outcome: TransactionOutcome,
    *,
    disconnect: bool = False,
) -> Receipt:
    """The same answer for every recipient."""
    count = len(transaction.recipients) if replies == "each" else 1
    return Receipt((status,) * count, outcome, disconnect)


async def _edit_envelope(plan: FlowPlan, transaction: Transaction, edit: Edit) -> None:
    """Carry out an edit of the envelope; other edits are ignored."""
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
            if not expansion.targets:  # a copy that a filter wants must not be lost in silence
                raise TemporaryFailure(f"a filter adds {address}, which is not an address here")
            if transaction.targets:
                transaction.targets[0] = (*transaction.targets[0], *expansion.targets)
