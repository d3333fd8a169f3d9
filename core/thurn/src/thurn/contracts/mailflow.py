"""The mail flow: what the host offers a listener that receives mail. One object per listener.

    session = …                                    # made by the host
    decision = await mailflow.connect(session)
    decision = await mailflow.hello(session, name)
    answer = await mailflow.sender(session, sender, parameters)
    decision = await mailflow.recipient(transaction, recipient)
    outcome = await mailflow.message(transaction, blob, replies="one")

Only `message` says 250 to a message, and only after it is durable. Nothing here raises except on
cancellation: whatever fails is a `Tempfail`.
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
        statuses: one in all for replies="one"; one per accepted RCPT, in order and duplicates
            included, for replies="each".
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
        """Before the greeting. Reject and Tempfail only with `reject_at = "once"`."""

    async def hello(self, session: Session, name: str) -> Accept | Disconnect | Reject | Tempfail:
        """At each hello."""

    async def sender(
        self, session: Session, sender: Address | None, parameters: Mapping[str, str | None]
    ) -> Transaction | Disconnect | Reject | Tempfail:
        """At MAIL: a new transaction, or the refusal."""

    async def recipient(
        self, transaction: Transaction, recipient: Recipient
    ) -> Accept | Disconnect | Reject | Tempfail:
        """At RCPT. `Accept`: it is among `transaction.recipients` now."""

    async def message(
        self, transaction: Transaction, blob: Blob, *, replies: Literal["each", "one"]
    ) -> Outcome:
        """At the end of data: filters, rules, filing or queueing, in one commit; then this.

        Cancellation: shielded from the commit to the return.
        """

    def refuse(self, transaction: Transaction, status: Status, reason: str) -> None:
        """The listener itself refused the message (too big, bare line ends): journalled."""

    def abandon(self, transaction: Transaction) -> None:
        """The peer reset or left; nothing was stored. Journalled."""
