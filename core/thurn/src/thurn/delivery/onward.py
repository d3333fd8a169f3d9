"""What a delivery sends on: redirects, replies, reports and notices.

Rules of this file:
1. What is sent to an account of ours is delivered like any other mail, in the same commit; its
   rules may send on in turn. For elsewhere, or where the account fails for now, it is an entry of
   the queue.
2. What one message may set off is bounded (`SENDINGS`): past it somebody's rules go in a ring.
3. A refusal of what was sent is reported to its sender; a null sender is told nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from thurn.contracts.outgoing import EntryKind, EntryOrigin
from thurn.delivery.deposits import OwnedDeposit
from thurn.delivery.entries import PlannedEntry, hop_class_of
from thurn.delivery.parts import DeliveryParts
from thurn.delivery.record import Sending
from thurn.delivery.report import Failure, failure_report
from thurn.directory.expansion import expand
from thurn.types.address import Address
from thurn.types.content import Content
from thurn.types.envelope import Envelope, Recipient
from thurn.types.errors import TemporaryFailure
from thurn.types.session import Target, Transaction
from thurn.types.status import UNKNOWN_ACCOUNT

SENDINGS: Final = 100
"""The largest number of messages that one transaction may set off in all (redirects to redirects,
replies); past it the transaction is deferred."""


@dataclass(frozen=True, slots=True)
class SentOn:
    """What must be committed so that everything was sent.

    Attributes:
        deposits: of accounts of ours.
        entries: for the queue.
        actions: to be called after the commit.
        sendings: messages that this sets off in turn; none at the end.
    """

    deposits: tuple[OwnedDeposit, ...] = ()
    entries: tuple[PlannedEntry, ...] = ()
    actions: tuple[Callable[[], None], ...] = ()
    sendings: tuple[Sending, ...] = ()


_NOTHING: Final = SentOn()


async def send_on(
    parts: DeliveryParts, transaction: Transaction, sendings: Sequence[Sending]
) -> SentOn:
    """Send messages, and those that they set off.

    Raises:
        TemporaryFailure: more than `SENDINGS`, or a directory that cannot answer.
    """
    if not sendings:
        return _NOTHING
    pending = deque(sendings)
    deposits: list[OwnedDeposit] = []
    entries: list[PlannedEntry] = []
    actions: list[Callable[[], None]] = []
    count = 0
    while pending:
        sending = pending.popleft()
        count += 1
        if count > SENDINGS:
            raise TemporaryFailure(f"one message sets off more than {SENDINGS}")
        for recipient in sending.envelope.recipients:
            key = f"{transaction.id} {count}"
            for sent in await _send_to(parts, transaction, sending, recipient, key):
                deposits.extend(sent.deposits)
                entries.extend(sent.entries)
                actions.extend(sent.actions)
                pending.extend(sent.sendings)
    return SentOn(tuple(deposits), tuple(entries), tuple(actions))


async def _send_to(
    parts: DeliveryParts,
    transaction: Transaction,
    sending: Sending,
    recipient: Recipient,
    key: str,
) -> list[SentOn]:
    """One message to one recipient: what each target of it takes."""
    expansion = await expand(parts.directory, recipient, transaction.journal)
    if not expansion.targets:
        failure = Failure(recipient, UNKNOWN_ACCOUNT)
        reports = report_failures(
            parts, transaction, sending.envelope.sender, sending.content, [failure]
        )
        return [SentOn(sendings=reports)]
    return [
        await _send_one(parts, transaction, sending, target, key) for target in expansion.targets
    ]


async def _send_one(
    parts: DeliveryParts, transaction: Transaction, sending: Sending, target: Target, key: str
) -> SentOn:
    """One message to one target."""
    envelope = Envelope(sending.envelope.sender, (target.recipient,), sending.envelope.parameters)
    origin = EntryOrigin(
        sending.kind,
        hop_class_of(target),
        sending.account,
        transaction.id,
        transaction.session.listener,
    )
    named = f"{key} {target.recipient.address.key}"
    waiting = PlannedEntry(envelope, sending.content, origin, named)
    if target.account is None:
        return SentOn(entries=(waiting,))
    inner = _as_transaction(transaction, envelope, target)
    delivered = await parts.local.deliver(inner, target, target.account, sending.content, key=key)
    if delivered.status.is_success:
        return SentOn(delivered.deposits, actions=delivered.actions, sendings=delivered.sendings)
    if delivered.status.is_temporary:
        return SentOn(entries=(waiting,))
    failure = Failure(target.recipient, delivered.status)
    reports = report_failures(parts, transaction, envelope.sender, sending.content, [failure])
    return SentOn(sendings=reports)


def report_failures(
    parts: DeliveryParts,
    transaction: Transaction,
    sender: Address | None,
    content: Content,
    failures: Sequence[Failure],
) -> tuple[Sending, ...]:
    """The report to the sender of a message; nothing for a null sender. RFC 5321 §6.1."""
    if sender is None or not failures:
        return ()
    envelope, report = failure_report(
        parts.hostname,
        sender,
        content,
        failures,
        identifier=transaction.id,
        now=parts.clock.wall(),
    )
    return (Sending(EntryKind.REPORT, envelope, report),)


def _as_transaction(transaction: Transaction, envelope: Envelope, target: Target) -> Transaction:
    """The same transaction, seen with the envelope of a message that it set off."""
    return Transaction(
        id=transaction.id,
        session=transaction.session,
        sender=envelope.sender,
        journal=transaction.journal,
        parameters=envelope.parameters,
        recipients=[Recipient(target.recipient.address)],
        targets=[(target,)],
    )
