"""What a delivery sends on: redirects, replies, reports and notices.

Rules of this file:
1. A message for an account here is delivered like any other mail, in the same commit, and the
   account's rules may send it on again. A message for elsewhere, or for an account that fails for
   now, is an entry of the queue.
2. What the rules of an account send and nobody takes (nobody has the address, it is refused, it
   makes a ring, it is over a bound) leaves that account's keep, unless the rules have filed the
   message already. It is never reported to the sender, and the journal says why it was kept.
3. The messages that one copy may lead to are bounded in number (`SENDINGS`) and depth
   (`HAND_ONS`). Other copies of the same message have bounds of their own.
4. An error with one account concerns the copy for that account only.
5. A message of the host or a plugin that nobody takes is reported to its sender. If that is the
   null sender, the journal says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from thurn.contracts.outgoing import EntryKind, EntryOrigin
from thurn.delivery.copies import filed
from thurn.delivery.local import Delivered
from thurn.delivery.parts import DeliveryParts
from thurn.delivery.planned import NOTHING_SENT, PlannedEntry, SentOn, hop_class_of
from thurn.delivery.record import Sending
from thurn.delivery.report import Failure, failure_report
from thurn.directory.expansion import expand
from thurn.types.address import Address
from thurn.types.content import Content
from thurn.types.envelope import Envelope, Recipient
from thurn.types.errors import status_of
from thurn.types.identity import AccountId
from thurn.types.session import Target, Transaction
from thurn.types.status import LOOP, UNKNOWN_ACCOUNT, Status

SENDINGS: Final = 100
"""Most messages that one copy may lead to in all (redirects of redirects, replies); ordinary rules
send fewer than five."""
HAND_ONS: Final = 10
"""Most accounts in a row whose rules may send a message on; aliases may lead to each other as
often."""

_TOO_MANY: Final = Status(554, "5.4.6", f"One message leads to more than {SENDINGS} others")


class Onward:
    """Serves accounts in one transaction, and sends what their rules send.

    Copies are served one after the other, never side by side.
    """

    def __init__(self, parts: DeliveryParts, transaction: Transaction) -> None:
        self._parts = parts
        self._transaction = transaction
        self._sent = 0
        """Messages sent in this transaction; each has its number in its key."""
        self._limit = SENDINGS
        """The number that the last message of the present copy may have."""

    async def serve(
        self, target: Target, account: AccountId, content: Content, quarantine: str | None
    ) -> Delivered:
        """Deliver the message that has come in to one account; nothing is durable yet.

        Args:
            target: where the message goes.
            account: the account whose rules run.
            content: the message as accounts get it.
            quarantine: file into this mailbox and run no rules; None: run the rules.
        """
        self._limit = self._sent + SENDINGS
        delivered = await self._parts.local.deliver(
            self._transaction, target, account, content, key="", quarantine=quarantine
        )
        return await self._send_all(delivered, key="", depth=1)

    async def send(self, sendings: Iterable[Sending]) -> SentOn:
        """Send messages of the host or a plugin.

        Raises:
            TemporaryFailure: the directory cannot answer.
        """
        sent = NOTHING_SENT
        for sending in sendings:
            self._limit = self._sent + SENDINGS
            one, failures = await self._send_one(sending, depth=0)
            sent = sent.and_also(one)
            if not failures:
                continue
            reports = report_failures(
                self._parts, self._transaction, sending.envelope.sender, sending.content, failures
            )
            for report in reports:
                one, failures = await self._send_one(report, depth=0)
                sent = sent.and_also(one)
            for failure in failures:
                self._note_lost(sending, failure)
        return sent

    def _note_lost(self, sending: Sending, failure: Failure) -> None:
        """Note that a message of the host or a plugin, or the report about it, reaches nobody."""
        detail = _shown(failure)
        self._transaction.journal.stage(
            "delivery", sending.kind.value, "lost", reason="delivery.unreachable", detail=detail
        )
        self._parts.diagnostics.warning(
            "message.lost", transaction=self._transaction.id, detail=detail
        )

    async def _send_all(self, delivered: Delivered, *, key: str, depth: int) -> Delivered:
        """Send what the rules of one account want sent; what nobody takes leaves its keep."""
        if not delivered.sendings or not delivered.status.is_success:
            return delivered
        sent, failures = NOTHING_SENT, list[Failure]()
        try:
            for sending in delivered.sendings:
                one, failed = await self._send_one(sending, depth)
                sent = sent.and_also(one)
                failures += failed
            delivered = replace(delivered, sendings=(), onward=sent)
            if failures:
                why = "; ".join(map(_shown, failures))
                return self._parts.local.keep(delivered, key, f"sending failed: {why}")
        except Exception as error:  # noqa: BLE001 - supervision point: one copy
            status = status_of(error)
            self._transaction.journal.stage(
                "delivery", "onward", "failed", detail=f"{error!r}", status=str(status)
            )
            return Delivered(status)
        return delivered

    async def _send_one(self, sending: Sending, depth: int) -> tuple[SentOn, list[Failure]]:
        """Send one message to all its recipients; returns those that nobody takes it for, too."""
        recipients = sending.envelope.recipients
        if depth > HAND_ONS or self._sent >= self._limit:
            status = LOOP if depth > HAND_ONS else _TOO_MANY
            return NOTHING_SENT, [Failure(recipient, status) for recipient in recipients]
        self._sent += 1
        key = f"{self._transaction.id} {self._sent}"
        sent, failures = NOTHING_SENT, list[Failure]()
        for recipient in recipients:
            expansion = await expand(self._parts.directory, recipient, self._transaction.journal)
            if not expansion.targets:
                failures.append(Failure(recipient, UNKNOWN_ACCOUNT))
            for target in expansion.targets:
                one = await self._send_to(sending, target, key, depth)
                if isinstance(one, Failure):
                    failures.append(one)
                else:
                    sent = sent.and_also(one)
        return sent, failures

    async def _send_to(
        self, sending: Sending, target: Target, key: str, depth: int
    ) -> SentOn | Failure:
        """Send one message to one target."""
        envelope = replace(sending.envelope, recipients=(target.recipient,))
        waiting = self._entry(sending, envelope, target, key)
        if target.account is None:
            return SentOn(entries=(waiting,))
        inner = _as_transaction(self._transaction, envelope, target)
        delivered = await self._parts.local.deliver(
            inner, target, target.account, filed(sending.content), key=key
        )
        delivered = await self._send_all(delivered, key=key, depth=depth + 1)
        if delivered.status.is_success:
            own = SentOn(delivered.deposits, actions=delivered.actions)
            return own.and_also(delivered.onward)
        if delivered.status.is_temporary:
            return SentOn(entries=(waiting,))
        return Failure(target.recipient, delivered.status)

    def _entry(
        self, sending: Sending, envelope: Envelope, target: Target, key: str
    ) -> PlannedEntry:
        origin = EntryOrigin(
            sending.kind,
            hop_class_of(target),
            sending.account,
            self._transaction.id,
            self._transaction.session.listener,
        )
        named = f"{key} {target.recipient.address.key}"
        return PlannedEntry(envelope, sending.content, origin, named)


def _shown(failure: Failure) -> str:
    return f"{failure.recipient.address}: {failure.status}"


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
