"""Relay policies: who may send to elsewhere. A chain of its own, ending in refusal (550 5.7.1)."""

from __future__ import annotations

from typing import Protocol

from thurn.types.decision import Decision
from thurn.types.envelope import Recipient
from thurn.types.session import Transaction


class RelayPolicy(Protocol):
    """Permits or refuses one recipient that is not ours."""

    async def may_relay(self, transaction: Transaction, recipient: Recipient) -> Decision | None:
        """`Accept` permits; `Reject`, `Tempfail`, `Disconnect` refuse; None or `Continue` asks
        the next. When nobody permits, the answer is 550 5.7.1."""
