"""Message filters judge a whole message, and may ask for edits of its header and envelope."""

from __future__ import annotations

from typing import Protocol

from thurn.types.content import Content
from thurn.types.decision import MessageDecision
from thurn.types.session import Transaction


class MessageFilter(Protocol):
    """Asked once per message, after its end, in the configuration's order.

    A filter sees the edits of the filters before it. Every decision but `Continue` ends the chain.
    A submitted message has its missing header fields already (RFC 6409 §8).
    """

    async def check_message(
        self, transaction: Transaction, content: Content
    ) -> MessageDecision | None:
        """Judge a message; None is `Continue()`."""
