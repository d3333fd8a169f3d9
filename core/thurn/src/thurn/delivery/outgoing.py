"""Sends what the host or a rule sends: redirects, replies, reports, notices.

For an account of ours it is delivered like any other mail, in the same commit; for elsewhere it
is a deposit in the queue. What one message may set off is bounded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from thurn.contracts.account import Directory
from thurn.contracts.clock import Clock
from thurn.contracts.queue import Queue
from thurn.contracts.store import Deposit
from thurn.delivery.local import Delivered, LocalDelivery
from thurn.delivery.report import Failure, failure_report
from thurn.directory.expansion import expand
from thurn.types.content import Content
from thurn.types.envelope import Envelope, Recipient
from thurn.types.errors import TemporaryFailure
from thurn.types.session import Target, Transaction
from thurn.types.status import UNKNOWN_ACCOUNT

SENDINGS: Final = 100
"""Messages that one transaction may set off in all (redirects to redirects, replies); past it
the transaction is deferred, for somebody's rules go in a ring."""


@dataclass(slots=True)
class Prepared:
    """Deposits and actions of everything that was sent."""

    deposits: list[Deposit] = field(default_factory=list)
    actions: list[Callable[[], None]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Outgoing:
    """Sends with one listener's delivery rules."""

    _directory: Directory
    _local: LocalDelivery
    queue: Queue | None
    _hostname: str
    _clock: Clock

    def hold(self, envelope: Envelope, content: Content, key: str) -> Deposit:
        """A deposit in the queue. Raises TemporaryFailure when there is none."""
        if self.queue is None:
            raise TemporaryFailure("mail for elsewhere or later, and the site has no queue")
        return self.queue.prepare(envelope, content, key=key)

    def report(
        self, transaction: Transaction, content: Content, failures: list[Failure]
    ) -> list[tuple[Envelope, Content]]:
        """The report to the sender; nothing for a null sender. RFC 5321 §6.1."""
        if transaction.sender is None:
            return []
        return [
            failure_report(
                self._hostname,
                transaction.sender,
                content,
                failures,
                identifier=transaction.id,
                now=self._clock.wall(),
            )
        ]

    async def prepare(
        self, transaction: Transaction, sendings: list[tuple[Envelope, Content]]
    ) -> Prepared:
        """Turn messages into deposits, and the messages that those set off, up to `SENDINGS`.

        Raises:
            TemporaryFailure: too many, or no queue where one is needed.
        """
        prepared = Prepared()
        pending = list(sendings)
        count = 0
        while pending:
            envelope, content = pending.pop(0)
            count += 1
            if count > SENDINGS:
                raise TemporaryFailure(f"more than {SENDINGS} messages set off by one")
            for recipient in envelope.recipients:
                key = f"{transaction.id} {count}"
                expansion = await expand(self._directory, recipient, transaction.journal)
                if not expansion.targets:
                    failure = Failure(recipient, UNKNOWN_ACCOUNT)
                    pending.extend(self._bounce(transaction, envelope, content, failure))
                for target in expansion.targets:
                    pending.extend(
                        await self._one(transaction, envelope, content, target, key, prepared)
                    )
        return prepared

    async def _one(
        self,
        transaction: Transaction,
        envelope: Envelope,
        content: Content,
        target: Target,
        key: str,
        prepared: Prepared,
    ) -> list[tuple[Envelope, Content]]:
        """Add the deposits for one target; returns what it sets off."""
        single = Envelope(envelope.sender, (target.recipient,), envelope.parameters)
        waiting = f"{key} {target.recipient.address.key}"
        if target.account is None:
            prepared.deposits.append(self.hold(single, content, waiting))
            return []
        inner = _as_transaction(transaction, envelope, target)
        delivered = await self._local.deliver(inner, target, target.account, content, key=key)
        if delivered.status.is_success:
            _take(delivered, prepared)
            return delivered.sendings
        if delivered.status.is_temporary:
            prepared.deposits.append(self.hold(single, content, waiting))
            return []
        failure = Failure(target.recipient, delivered.status)
        return self._bounce(transaction, envelope, content, failure)

    def _bounce(
        self, transaction: Transaction, envelope: Envelope, content: Content, failure: Failure
    ) -> list[tuple[Envelope, Content]]:
        inner = _as_transaction(transaction, envelope, Target(failure.recipient, None))
        return self.report(inner, content, [failure])


def _take(delivered: Delivered, prepared: Prepared) -> None:
    prepared.deposits.extend(delivered.deposits)
    prepared.actions.extend(delivered.actions)


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
