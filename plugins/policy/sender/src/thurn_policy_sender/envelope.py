"""The plugin `policy.sender`: the account that has logged in must own the sender.

A peer that may relay by a grant (POP-before-SMTP) is not checked here, since at MAIL nobody knows
yet whether anything is relayed. `relay.grants` checks its sender at RCPT.

The answer is 553 5.7.1 for an address that the account does not own, and 550 5.7.1 for the null
sender and for local senders from outside. RFC 6409 §6.1, RFC 5321 §4.2.3 (553: mailbox name not
allowed).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from thurn.plugin import Address, Context, Continue, Reject, Transaction, plugin

from thurn_policy_sender.settings import EnvelopeSettings
from thurn_policy_sender.standing import Judge, Standing, make_judge

TEXT = "You may not send as this address"
TEXT_NULL = "You may not send without a sender address"
TEXT_OUTSIDE = "Senders of this domain must log in"


class SenderCheck:
    """The check of the envelope; see `thurn.contracts.policy.SenderPolicy`."""

    def __init__(self, settings: EnvelopeSettings, context: Context, judge: Judge) -> None:
        self._settings = settings
        self._judge = judge
        self._place = {key: context.source(key) for key in ("mode", "null_sender", "protect_local")}

    async def check_sender(
        self, transaction: Transaction, sender: Address | None
    ) -> Continue | Reject | None:
        """Refuse a sender that the session's account does not own."""
        standing = await self._judge.standing(transaction)
        refusal: Reject | None = None
        if standing.kind == "bound":
            refusal = await self._bound(standing, sender)
        elif standing.kind == "outside" and self._settings.protect_local:
            refusal = await self._outside(standing, sender)
        if refusal is not None and self._settings.mode == "log":
            return Continue(refusal.reason, refusal.detail)
        return refusal

    async def _bound(self, standing: Standing, sender: Address | None) -> Reject | None:
        who = ", ".join(standing.accounts)
        if sender is None:
            if self._settings.null_sender == "allow":
                return None
            detail = f"null sender of {who} ({self._place['null_sender']})"
            return Reject("sender.null", TEXT_NULL, 550, "5.7.1", detail)
        if await self._judge.owner(standing.accounts, sender) is not None:
            return None
        detail = f"{sender} is not owned by {who} ({self._place['mode']})"
        return Reject("sender.foreign", TEXT, 553, "5.7.1", detail)

    async def _outside(self, standing: Standing, sender: Address | None) -> Reject | None:
        if sender is None or not await self._judge.is_ours(sender):
            return None
        if await self._judge.owner(standing.accounts, sender) is not None:
            return None
        detail = f"{sender} from outside without a login ({self._place['protect_local']})"
        return Reject("sender.local_outside", TEXT_OUTSIDE, 550, "5.7.1", detail)


@plugin("policy", "sender")
@asynccontextmanager
async def sender_policy(config: EnvelopeSettings, context: Context) -> AsyncIterator[SenderCheck]:
    """The check of one instance."""
    yield SenderCheck(config, context, await make_judge(config, context))
