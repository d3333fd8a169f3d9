"""The mail flow as a listener sees it (`thurn.contracts.mailflow.Mailflow`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from thurn.contracts.mailflow import Outcome
from thurn.mailflow.envelope import (
    Answer,
    close_entry,
    judge_connection,
    judge_hello,
    judge_recipient,
    judge_sender,
)
from thurn.mailflow.message import receive
from thurn.mailflow.plan import FlowPlan
from thurn.types.address import Address
from thurn.types.content import Blob
from thurn.types.decision import Refusal
from thurn.types.envelope import Recipient
from thurn.types.session import Session, Transaction
from thurn.types.status import OK, Status


class Flow:
    """One listener's mail flow."""

    __slots__ = ("_plan",)

    def __init__(self, plan: FlowPlan) -> None:
        self._plan = plan

    @property
    def size_limit_octets(self) -> int:
        """Most octets of a message."""
        return self._plan.settings.size_limit_octets

    async def connect(self, session: Session) -> Answer:
        """Called before the greeting."""
        return await judge_connection(self._plan, session)

    async def hello(self, session: Session, name: str) -> Answer:
        """Called at each hello."""
        session.hello = name
        return await judge_hello(self._plan, session, name)

    async def sender(
        self, session: Session, sender: Address | None, parameters: Mapping[str, str | None]
    ) -> Transaction | Refusal:
        """Called at MAIL."""
        return await judge_sender(self._plan, session, sender, parameters)

    async def recipient(self, transaction: Transaction, recipient: Recipient) -> Answer:
        """Called at RCPT."""
        return await judge_recipient(self._plan, transaction, recipient)

    async def message(
        self, transaction: Transaction, blob: Blob, *, replies: Literal["each", "one"]
    ) -> Outcome:
        """Called at the end of data."""
        return await receive(self._plan, transaction, blob, replies)

    def refuse(self, transaction: Transaction, status: Status, reason: str) -> None:
        """The listener refused the content."""
        close_entry(self._plan, transaction, "refused", status, reason)

    def abandon(self, transaction: Transaction) -> None:
        """The peer reset or left."""
        close_entry(self._plan, transaction, "abandoned", OK)
