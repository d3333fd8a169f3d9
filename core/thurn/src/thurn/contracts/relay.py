"""Relay policies: who may send to elsewhere. They are a chain of their own, which ends in refusal
(550 5.7.1)."""

from __future__ import annotations

from typing import Protocol

from thurn.types.decision import Decision
from thurn.types.envelope import Recipient
from thurn.types.session import Transaction


class RelayPolicy(Protocol):
    """Permits or refuses a recipient that is not of this site."""

    async def may_relay(self, transaction: Transaction, recipient: Recipient) -> Decision | None:
        """`Accept` permits; `Reject`, `Tempfail` and `Disconnect` refuse; after None or `Continue`
        the next rule is asked. If no rule permits, the answer is 550 5.7.1."""
