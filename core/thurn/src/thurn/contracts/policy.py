"""Policies judge a peer at each step before the content comes. Lists are the site's (per listener).

A policy object has any of these methods; the host puts it into the chains of those it has.
The first answer other than Continue ends that step's chain, and only that one; None is Continue.
No policy can permit relaying: that is the relay chain's business alone.
Refusals at connection, hello and sender are remembered and told at RCPT (`reject_at`), except
`Disconnect`, which is told at once.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from thurn.types.address import Address
from thurn.types.decision import Decision
from thurn.types.envelope import Recipient
from thurn.types.session import Session, Transaction


@runtime_checkable
class ConnectionPolicy(Protocol):
    """Judges a peer by its address."""

    async def check_connection(self, session: Session) -> Decision | None:
        """Asked once, before the greeting."""


@runtime_checkable
class HelloPolicy(Protocol):
    """Judges the name a peer gives."""

    async def check_hello(self, session: Session, name: str) -> Decision | None:
        """Asked at each EHLO, HELO, LHLO."""


@runtime_checkable
class SenderPolicy(Protocol):
    """Judges the envelope's sender."""

    async def check_sender(
        self, transaction: Transaction, sender: Address | None
    ) -> Decision | None:
        """Asked at MAIL; None is the null sender."""


@runtime_checkable
class RecipientPolicy(Protocol):
    """Judges a recipient that is ours. Never a relay rule."""

    async def check_recipient(
        self, transaction: Transaction, recipient: Recipient
    ) -> Decision | None:
        """Asked at RCPT, after the directory has said that the address is local."""
