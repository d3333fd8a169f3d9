"""Message filters: judge a whole message, and may ask for edits of its header and envelope."""

from __future__ import annotations

from typing import Protocol

from thurn.types.content import Content
from thurn.types.decision import MessageDecision
from thurn.types.session import Transaction


class MessageFilter(Protocol):
    """Asked once per message, after its end, in the configuration's order.

    The edits of a filter are seen by the filters after it. Every decision but `Continue` ends the
    chain. What a person has submitted is complete when it comes here (RFC 6409 §8).
    """

    async def check_message(
        self, transaction: Transaction, content: Content
    ) -> MessageDecision | None:
        """Judge; None is `Continue()`."""
