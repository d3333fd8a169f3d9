"""Delivers to one account: its rules run, their verbs become deposits.

Rules of this file:
1. An error with one account concerns this account only: the caller gets a status, not an exception.
2. A message that was delivered to this account before, as its own mark shows, is refused as a loop.
3. Nothing is durable yet: the caller commits the deposits, together with all others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from types import NoneType
from typing import Final

import trio

from thurn.chain.rule import Stage
from thurn.chain.runner import Chain
from thurn.chain.supervision import Supervised, Supervision
from thurn.contracts.account import AccountRecord
from thurn.contracts.clock import Clock
from thurn.contracts.delivery import DeliveryFilter
from thurn.contracts.guard import Guard, HoldingGuard
from thurn.contracts.store import AccountHandle, Append
from thurn.delivery.deposits import OwnedDeposit, owned
from thurn.delivery.planned import NOTHING_SENT, SentOn
from thurn.delivery.record import Filing, RecordedDelivery, Sending
from thurn.directory.stores import Stores
from thurn.telemetry.lines import MailLines
from thurn.types.content import Content
from thurn.types.decision import Continue, Tempfail
from thurn.types.envelope import Envelope
from thurn.types.errors import TemporaryFailure, status_of
from thurn.types.identity import AccountId
from thurn.types.mailbox import INBOX
from thurn.types.session import Target, Transaction
from thurn.types.status import LOOP, STORED, Status

DELIVERY_SECONDS: Final = 60.0
"""Most seconds for the rules of one account; a peer waits 600 s for the answer to the end of data
(RFC 5321 §4.5.3.2.6)."""
GUARD_SECONDS: Final = 30.0
"""Most seconds that a guard may take to judge one copy."""
KEPT: Final = "delivery.kept"
"""The journal's reason for a message that is kept because what rules wanted cannot be done."""


@dataclass(frozen=True, slots=True, eq=False)
class Delivered:
    """What the rules of an account want done with a message.

    Attributes:
        status: success, or why it cannot be done; then nothing is filed, sent or called.
        deposits: what goes into the one commit, the holds included.
        holds: what guards hold for the copies, until `end_holds`.
        sendings: the messages that the rules send.
        actions: what is called after the commit.
        onward: what the sendings have become.
        delivery: the message as the account's rules saw it; None: the account could not be asked.
    """

    status: Status
    deposits: tuple[OwnedDeposit, ...] = ()
    holds: tuple[OwnedDeposit, ...] = ()
    sendings: tuple[Sending, ...] = ()
    actions: tuple[Callable[[], None], ...] = ()
    onward: SentOn = NOTHING_SENT
    delivery: RecordedDelivery | None = None


@dataclass(slots=True, eq=False)
class LocalDelivery:
    """Delivery with one listener's rules."""

    _stores: Stores
    _chain: Chain[DeliveryFilter]
    _guards: tuple[Supervised[Guard], ...]
    _clock: Clock
    _supervision: Supervision
    _lines: MailLines

    async def deliver(
        self,
        transaction: Transaction,
        target: Target,
        account: AccountId,
        content: Content,
        *,
        key: str,
        quarantine: str | None = None,
    ) -> Delivered:
        """Run the account's rules and prepare what they want. Raises only on cancellation.

        Args:
            transaction: the transaction, or one made for a message that it sends on.
            target: where the message goes.
            account: the account whose rules run.
            content: the message.
            key: names this message among those that the transaction sends on; together with account
                and filing it is the key by which a repeat is recognised. "": the message that has
                come in, which is never a repeat: its id is new, and each account is served once.
            quarantine: file into this mailbox and run no rules; None: run the rules.
        """
        try:
            delivery = await self._deliver(transaction, target, account, content, quarantine)
            if isinstance(delivery, Delivered):
                return delivery
            return await self._prepare(delivery, target, key)
        except Exception as error:  # noqa: BLE001 - supervision point: one delivery attempt
            status = status_of(error)
            transaction.journal.stage(
                "delivery", f"account {account}", "failed", detail=f"{error!r}", status=str(status)
            )
            return Delivered(status)

    async def _deliver(
        self,
        transaction: Transaction,
        target: Target,
        account: AccountId,
        content: Content,
        quarantine: str | None,
    ) -> RecordedDelivery | Delivered:
        record = await self._stores.record(account)
        mark = f"Delivered-To: {record.address or target.recipient.address}\r\n".encode()
        handle = await self._stores.open_record(record)
        recipient = target.recipient
        envelope = Envelope(transaction.sender, (recipient,), transaction.parameters)
        sender = f"Return-Path: <{transaction.sender or ''}>\r\n".encode()
        delivery = RecordedDelivery(
            transaction,
            envelope,
            recipient,
            target.detail,
            content.prepend(sender + mark),
            record,
            handle,
            inbox=quarantine or "INBOX",
        )
        if _loops(content, mark):
            return Delivered(LOOP, delivery=delivery)
        if quarantine is None and self._chain:
            answer = await _ask_rules(self._chain, delivery)
            if isinstance(answer, Tempfail):
                return Delivered(answer.status)
        if not delivery.decided:
            delivery.keep()
        return delivery

    async def _prepare(self, delivery: RecordedDelivery, target: Target, key: str) -> Delivered:
        self._journal(delivery)
        if delivery.rejection is not None:
            return Delivered(delivery.rejection, delivery=delivery)
        supervision, callee = self._supervision, self._stores.callee_of(delivery.record)
        deposits: list[OwnedDeposit] = []
        holds: list[OwnedDeposit] = []
        try:
            for index, filing in enumerate(delivery.filings):
                await self._ask_guards(delivery, filing, holds)
                named = key and f"{key} {index} {target.recipient.address.key}"
                prepare = partial(delivery.account.prepare, self._append(filing, named))
                deposits.append(owned(supervision, callee, prepare))
        except BaseException:
            await end_holds(holds)
            raise
        deposits.extend(
            OwnedDeposit(one, callee, supervision) for one in delivery.remembered.values()
        )
        actions = (*delivery.actions, *self._lines_of(delivery, target))
        return Delivered(
            STORED,
            (*deposits, *holds),
            tuple(holds),
            tuple(delivery.sendings),
            actions,
            delivery=delivery,
        )

    def keep(self, delivered: Delivered, key: str, why: str) -> Delivered:
        """The same, with the message in INBOX; the journal says why. Neither rules nor guards are
        asked. If the rules have filed the message already, it is not filed again.

        Args:
            delivered: what the rules of the account wanted.
            key: as for `deliver`.
            why: why what the rules wanted cannot be done.

        Raises:
            TemporaryFailure: the account could not be asked.
            StorageError: the store is in trouble.
        """
        delivery = delivered.delivery
        if delivery is None:
            raise TemporaryFailure(f"the message cannot be kept: {why}")
        journal, name = delivery.transaction.journal, f"account {delivery.record.account}"
        if delivered.deposits and delivery.is_filed:
            journal.stage("delivery", name, "filed already", reason=KEPT, detail=why)
            return delivered
        filing = Filing(delivery.inbox, (), delivery.content, create=True)
        named = key and f"{key} kept {delivery.recipient.address.key}"
        prepare = partial(delivery.account.prepare, self._append(filing, named))
        callee = self._stores.callee_of(delivery.record)
        deposit = owned(self._supervision, callee, prepare)
        journal.stage("delivery", name, f"file {filing.mailbox}", reason=KEPT, detail=why)
        return replace(
            delivered, status=STORED, deposits=(*delivered.deposits, deposit), sendings=()
        )

    def _lines_of(self, delivery: RecordedDelivery, target: Target) -> Iterator[Callable[[], None]]:
        """What writes the lines about a delivery, after the commit."""
        if "delivered" in self._lines.wanted:
            address, account = target.recipient.address, delivery.record.account
            write = partial(self._lines.delivered, delivery.transaction, address, account)
            yield from (partial(write, filing.mailbox) for filing in delivery.filings)

    async def _ask_guards(
        self, delivery: RecordedDelivery, filing: Filing, holds: list[OwnedDeposit]
    ) -> None:
        """Ask the guards about one copy, and add their holds. Raises StorageError,
        TemporaryFailure."""
        question = (delivery.record, delivery.account, filing.mailbox, filing.content.size_octets)
        for guard in self._guards:
            if not isinstance(guard.product, HoldingGuard):
                await self._check(guard, question)
                continue
            ask, callee = guard.product.hold_append, guard.callee
            hold = await self._supervision.ask(callee, GUARD_SECONDS, object, ask, *question)
            holds.append(owned(self._supervision, callee, partial(_same, hold)))

    async def _check(
        self, guard: Supervised[Guard], question: tuple[AccountRecord, AccountHandle, str, int]
    ) -> None:
        check = guard.product.check_append
        await self._supervision.ask(guard.callee, GUARD_SECONDS, NoneType, check, *question)

    async def check_room(self, account: AccountId, size_octets: int) -> None:
        """Ask the guards, before the message comes, whether its copy may enter INBOX.

        Args:
            account: the account.
            size_octets: as the peer has declared it; 0: it has not.

        Raises:
            StorageError, TemporaryFailure: it may not, or it cannot be known.
        """
        if not self._guards:
            return
        record = await self._stores.record(account)
        handle = await self._stores.open_record(record)
        for guard in self._guards:
            await self._check(guard, (record, handle, INBOX, size_octets))

    def _append(self, filing: Filing, key: str) -> Append:
        received = datetime.fromtimestamp(int(self._clock.wall()), UTC)
        return Append(filing.mailbox, filing.content, received, filing.flags, filing.create, key)

    @staticmethod
    def _journal(delivery: RecordedDelivery) -> None:
        words = [f"file {filing.mailbox}" for filing in delivery.filings]
        words += [
            f"send to {', '.join(str(to.address) for to in sending.envelope.recipients)}"
            for sending in delivery.sendings
        ]
        words += [f"reject {delivery.rejection}"] if delivery.rejection is not None else []
        delivery.transaction.journal.stage(
            "delivery",
            f"account {delivery.record.account}",
            "; ".join(words) or "discard",
            detail="; ".join(delivery.notes),
        )


async def end_holds(holds: Iterable[OwnedDeposit]) -> None:
    """End what guards still hold for copies that are not stored; the others have ended already."""
    with trio.CancelScope(shield=True):
        for hold in holds:
            await hold.abort()


@dataclass(frozen=True, slots=True)
class Decided:
    """The answer of a delivery filter that has used a verb."""

    reason: str = ""
    detail: str = ""


DELIVERY: Final[Stage[DeliveryFilter]] = Stage(
    "delivery", "deliver", (Decided, Continue), DELIVERY_SECONDS
)


async def _ask_rules(
    chain: Chain[DeliveryFilter], delivery: RecordedDelivery
) -> Decided | Tempfail | None:
    """Ask the rules of an account. The first that uses a verb ends the stage."""
    transaction = delivery.transaction
    run = chain.begin(transaction.id, transaction.journal)
    for rule in run.rules:
        draft = delivery.draft()
        answer = await run.ask(rule, _decide, rule.product, draft)
        if isinstance(answer, Tempfail):
            return answer
        if isinstance(answer, Decided) or not answer.reason:  # a failure has a reason
            delivery.adopt(draft)
        if isinstance(answer, Decided):
            return answer
    return None


async def _decide(product: DeliveryFilter, draft: RecordedDelivery) -> Decided | Continue:
    """Ask one rule."""
    await product.deliver(draft)
    return Decided() if draft.decided else Continue()


def _same(hold: object) -> object:
    return hold


def _loops(content: Content, mark: bytes) -> bool:
    """Whether the message has been delivered to this account before."""
    scan = content.scan
    marks = [field for field in scan.fields if field.name == b"delivered-to"]
    own = mark.lower().strip() if marks else b""
    return any(scan.content[one.start : one.end].lower().strip() == own for one in marks)
