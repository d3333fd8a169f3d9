"""What a delivery sends on: redirects, replies, reports and notices.

Rules of this file:
1. A message for an account here is delivered like any other mail, in the same commit, and the
   account's rules may send it on again. A message for elsewhere, or for an account that fails for
   now, is an entry of the queue.
2. The messages that one message may lead to are bounded (`SENDINGS`): with more of them, rules of
   accounts send to each other in a ring.
3. A refusal of such a message is reported to its sender, unless that is the null sender.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from thurn.contracts.outgoing import EntryKind, EntryOrigin
from thurn.delivery.copies import filed
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
"""Most messages that one transaction may lead to in all (redirects of redirects, replies); with
more the transaction is answered 4xx."""


@dataclass(frozen=True, slots=True)
class SentOn:
    """What must be committed to send everything.

    Attributes:
        deposits: the deposits for accounts here.
        entries: the entries of the queue.
        actions: what is called after the commit.
        sendings: the messages that this leads to; empty in the result of `send_on`.
    """

    deposits: tuple[OwnedDeposit, ...] = ()
    entries: tuple[PlannedEntry, ...] = ()
    actions: tuple[Callable[[], None], ...] = ()
    sendings: tuple[Sending, ...] = ()


_NOTHING: Final = SentOn()


async def send_on(
    parts: DeliveryParts, transaction: Transaction, sendings: Sequence[Sending]
) -> SentOn:
    """Send messages, and those that they lead to.

    Raises:
        TemporaryFailure: there are more than `SENDINGS`, or the directory cannot answer.
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
            raise TemporaryFailure(f"one message leads to more than {SENDINGS} others")
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
    """Send one message to one recipient; returns a result per target."""
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
    """Send one message to one target."""
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
    content = filed(sending.content)
    delivered = await parts.local.deliver(inner, target, target.account, content, key=key)
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
    """The report to the sender of a message; empty for the null sender. RFC 5321 §6.1."""
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
    """The same transaction, with the envelope of a message that it sends on."""
    return Transaction(
        id=transaction.id,
        session=transaction.session,
        sender=envelope.sender,
        journal=transaction.journal,
        parameters=envelope.parameters,
        recipients=[Recipient(target.recipient.address)],
        targets=[(target,)],
    )
