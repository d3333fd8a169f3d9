"""The mail flow: what the host offers to a listener that receives mail. One object per listener.

    decision = await mailflow.connect(session)
    decision = await mailflow.hello(session, name)
    answer = await mailflow.sender(session, sender, parameters)
    decision = await mailflow.recipient(transaction, recipient)
    outcome = await mailflow.message(transaction, blob, replies="one")

Only `message` answers a message with 250, and only when it is durable. Nothing here raises except
on cancellation: every failure is a `Tempfail`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from thurn.types.address import Address
from thurn.types.content import Blob
from thurn.types.decision import Accept, Disconnect, Reject, Tempfail
from thurn.types.envelope import Recipient
from thurn.types.session import Session, Transaction
from thurn.types.status import Status


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answers to an end of data.

    Attributes:
        statuses: for replies="one" a single status; for replies="each" one per accepted RCPT, in
            order, duplicates included.
        disconnect: close the connection after answering.
    """

    statuses: tuple[Status, ...]
    disconnect: bool = False


class Mailflow(Protocol):
    """Receiving, with one listener's chains."""

    @property
    def size_limit_octets(self) -> int:
        """The largest message accepted, for SIZE (RFC 1870)."""

    async def connect(self, session: Session) -> Accept | Disconnect | Reject | Tempfail:
        """Called before the greeting. Reject and Tempfail only with `reject_at = "once"`."""

    async def hello(self, session: Session, name: str) -> Accept | Disconnect | Reject | Tempfail:
        """Called at each hello."""

    async def sender(
        self, session: Session, sender: Address | None, parameters: Mapping[str, str | None]
    ) -> Transaction | Disconnect | Reject | Tempfail:
        """Called at MAIL; returns a new transaction, or the refusal."""

    async def recipient(
        self, transaction: Transaction, recipient: Recipient
    ) -> Accept | Disconnect | Reject | Tempfail:
        """Called at RCPT. After `Accept` the recipient is among `transaction.recipients`."""

    async def message(
        self, transaction: Transaction, blob: Blob, *, replies: Literal["each", "one"]
    ) -> Outcome:
        """Called at the end of data; returns the answers after filters, rules, and the one commit
        that files and queues.

        Cancellation: shielded from the commit to the return.
        """

    def refuse(self, transaction: Transaction, status: Status, reason: str) -> None:
        """Journal a message that the listener itself has refused (too big, bare line ends)."""

    def abandon(self, transaction: Transaction) -> None:
        """Journal a transaction that the peer has reset or left; nothing was stored."""
