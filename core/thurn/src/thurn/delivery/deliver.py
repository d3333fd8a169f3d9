"""From an accepted message to its durable copies: the steps, in the order of a message's life.

    copies        what the rules of every account among the targets file, send and refuse
    disposition   which copies are served, reported or queued for later; the replies
    sent          redirects, replies and reports; those for accounts here are delivered
    entries       what goes elsewhere or waits; it passes the stage `outgoing`
    commit        all deposits at once
    receipt       the replies, corrected for copies that had no room

Rules of this file:
1. Each step takes the values of the steps before it. No step calls one above it, and nothing is
   durable before the commit.
2. There is a receipt with success only after the commit has returned.
3. An error with one account is a status of its copy. Any other error is raised, and then nothing of
   the message was done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from thurn.contracts.commitlog import Change
from thurn.contracts.policy import TransactionOutcome
from thurn.delivery.copies import Copy, deliver_copies
from thurn.delivery.deposits import FateUnknown, OwnedDeposit, commit_all, is_missing
from thurn.delivery.disposition import Disposition, Replies, dispose
from thurn.delivery.entries import pass_stage, plan_entries, plan_entry, prepare_entries
from thurn.delivery.local import Delivered, end_holds
from thurn.delivery.onward import Onward, report_failures
from thurn.delivery.parts import DeliveryParts
from thurn.delivery.record import Sending
from thurn.delivery.report import Failure
from thurn.types.content import Content
from thurn.types.decision import Tempfail
from thurn.types.errors import StorageFull, TemporaryFailure
from thurn.types.session import Transaction
from thurn.types.status import Status


@dataclass(frozen=True, slots=True)
class Receipt:
    """How the end of data is answered.

    Attributes:
        statuses: a single one, or one per accepted RCPT, in order.
        outcome: the journal's word.
        disconnect: whether the connection is closed after the answer.
    """

    statuses: tuple[Status, ...]
    outcome: TransactionOutcome
    disconnect: bool = False


class LateReceipt(TemporaryFailure):
    """A commit is late and goes on, while its peer is answered that it should try again.

    Attributes:
        fate: will say what has become of the message.
        receipt: the answer that the end of data would have got.
    """

    def __init__(self, error: FateUnknown, receipt: Receipt) -> None:
        super().__init__(str(error), error.status)
        self.fate = error.fate
        self.receipt = receipt


async def deliver(
    parts: DeliveryParts,
    transaction: Transaction,
    content: Content,
    replies: Replies,
    quarantine: str | None = None,
) -> Receipt:
    """Deliver a message to all its targets.

    Args:
        parts: what the listener's delivery consists of.
        transaction: the transaction, with recipients and targets.
        content: the message with the trace field, as the filters left it.
        replies: whether there is one answer for all, or one for each recipient.
        quarantine: file into this mailbox and run no rules; None: run the rules.

    Raises:
        LateReceipt: the commit is late, and goes on.
        Exception: nothing of the message was done.
    """
    onward = Onward(parts, transaction)
    copies = await deliver_copies(onward.serve, transaction, content, quarantine)
    try:
        return await _store(parts, onward, transaction, content, replies, copies)
    except LateReceipt:  # the commit goes on and ends them
        copies = ()
        raise
    finally:
        for copy in copies:
            if copy.delivered is not None and copy.delivered.holds:
                await end_holds(copy.delivered.holds)


async def _store(
    parts: DeliveryParts,
    onward: Onward,
    transaction: Transaction,
    content: Content,
    replies: Replies,
    copies: Sequence[Copy],
) -> Receipt:
    """Store what the rules of all accounts want. Raises as `deliver`."""
    recipients = len(transaction.recipients)
    disposition = dispose(copies, recipients, replies, has_queue=parts.queue is not None)
    if disposition.reason:
        transaction.journal.note(reason=disposition.reason)
    served = _served(disposition)
    sent = await onward.send(_reports(parts, transaction, content, disposition))
    for one in served:
        sent = sent.and_also(one.onward)
    entries = plan_entries(parts.kind, transaction, content, disposition)
    passed = await pass_stage(parts.outgoing, transaction.journal, (*sent.entries, *entries))
    if isinstance(passed, Tempfail):
        count = recipients if replies == "each" else 1
        return Receipt((passed.status,) * count, "deferred")
    deposits = [deposit for one in served for deposit in one.deposits]
    deposits += [*sent.deposits, *prepare_entries(parts.queue, passed, parts.supervision)]
    try:
        lacking = await _commit(parts, transaction, content, disposition, deposits, replies)
    except FateUnknown as error:
        raise LateReceipt(error, Receipt(disposition.statuses, disposition.outcome)) from error
    if lacking:
        disposition = disposition.without(lacking, replies)
        without_room = [copy.served_by.delivered for copy in lacking]
        served = [one for one in served if one not in without_room]
    actions = [action for one in served for action in one.actions]
    _act(parts, transaction, (*actions, *sent.actions))
    return Receipt(disposition.statuses, disposition.outcome)


async def submit(parts: DeliveryParts, transaction: Transaction, sending: Sending) -> None:
    """Send a message that the host or a plugin has made; it is durable on return.

    Raises:
        Exception: nothing was delivered, or the commit is late and goes on.
    """
    sent = await Onward(parts, transaction).send([sending])
    passed = await pass_stage(parts.outgoing, transaction.journal, sent.entries)
    if isinstance(passed, Tempfail):
        raise TemporaryFailure(passed.detail, passed.status)
    deposits = [*sent.deposits, *prepare_entries(parts.queue, passed, parts.supervision)]
    await commit_all(parts.commit_log, deposits, parts.supervision, transaction.id)
    _act(parts, transaction, sent.actions)


def _served(disposition: Disposition) -> list[Delivered]:
    """What the rules of each account that is served want, once per account."""
    delivered = [copy.served_by.delivered for copy in disposition.served]
    return list(dict.fromkeys(one for one in delivered if one is not None))


def _reports(
    parts: DeliveryParts, transaction: Transaction, content: Content, disposition: Disposition
) -> tuple[Sending, ...]:
    """The report about all refusals, for the sender of the message."""
    failures = [Failure(copy.target.recipient, copy.status) for copy in disposition.refused]
    return report_failures(parts, transaction, transaction.sender, content, failures)


async def _commit(
    parts: DeliveryParts,
    transaction: Transaction,
    content: Content,
    disposition: Disposition,
    deposits: Sequence[OwnedDeposit],
    replies: Replies,
) -> list[Copy]:
    """Commit; returns the copies that had no room while all others had (ADR 0012).

    With one answer for all, these copies are queued, in a commit of their own.

    Raises:
        StorageError: nothing was done; or other copies were stored, and these cannot be queued.
    """
    if not deposits:
        return []
    try:
        await commit_all(parts.commit_log, deposits, parts.supervision, transaction.id)
    except StorageFull as error:
        lacking = _lacking(disposition, error)
        if not lacking or (replies == "one" and parts.queue is None):
            raise
        if replies == "one":
            entry = plan_entry(parts.kind, transaction, content, lacking, "rest")
            rest = prepare_entries(parts.queue, [entry], parts.supervision)
            await commit_all(parts.commit_log, rest, parts.supervision, transaction.id)
        return lacking
    return []


def _lacking(disposition: Disposition, error: StorageFull) -> list[Copy]:
    """The copies whose accounts had no room. Empty if something else is missing, too, of the queue
    or of what the rules send: then the whole message stays with the peer."""
    missing: list[Change] = []
    accounts: list[Copy] = []
    for copy in {one.served_by for one in disposition.served}:
        deposits = copy.delivered.deposits if copy.delivered is not None else ()
        if any(is_missing(deposit, error) for deposit in deposits):
            accounts.append(copy)
            missing.extend(change for deposit in deposits for change in deposit.changes)
    if not all(change in missing for change in error.missing):
        return []
    return [copy for copy in disposition.served if copy.served_by in accounts]


def _act(
    parts: DeliveryParts, transaction: Transaction, actions: Sequence[Callable[[], None]]
) -> None:
    """Call the actions that rules want called after the commit."""
    for action in actions:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - the message is durable, so the answer stays
            parts.diagnostics.error(
                "action.failed", transaction=transaction.id, failure=repr(error)
            )
