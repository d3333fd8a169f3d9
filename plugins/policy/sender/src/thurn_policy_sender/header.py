"""The plugin `filter.sender`: the account must own every address that the header shows as a sender.

Rules of this file:
1. A header that two readers may understand differently is answered with 550 5.7.1, except in mode
   "log".
2. Messages from outside are checked only with `protect_local`, for local senders.
3. A message that is relayed by a grant (POP-before-SMTP) is checked as if the grant's account had
   logged in.

RFC 6409 §6.1, §8.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from thurn.plugin import Content, Context, Continue, Edit, Reject, Transaction, plugin

from thurn_policy_sender.fields import DOUBTS_SHOWN, Claim, Header, read_header
from thurn_policy_sender.rewrite import rewritten
from thurn_policy_sender.settings import HeaderSettings
from thurn_policy_sender.standing import Judge, Standing, make_judge

TEXT: Final = "The header names a sender that you may not send as"
TEXT_DOUBT: Final = "The header does not say clearly who sends this"
TEXT_OUTSIDE: Final = "Senders of this domain must log in"
REWRITABLE: Final = ("from", "sender")
"""The fields that the mode "rewrite" can change."""


class HeaderCheck:
    """The check of the header; see `thurn.contracts.filter.MessageFilter`."""

    def __init__(self, settings: HeaderSettings, context: Context, judge: Judge) -> None:
        self._settings = settings
        self._judge = judge
        self._place = {
            key: context.source(key) for key in ("mode", "display_names", "protect_local")
        }

    async def check_message(
        self, transaction: Transaction, content: Content
    ) -> Continue | Reject | None:
        """Refuse, rewrite or note a header with senders that the account does not own."""
        standing = await self._judge.standing(transaction)
        if standing.kind == "bound":
            return await self._bound(standing, read_header(content.scan))
        if standing.kind == "outside" and self._settings.protect_local:
            return await self._outside(standing, read_header(content.scan))
        return None

    async def _bound(self, standing: Standing, header: Header) -> Continue | Reject | None:
        who, mode = ", ".join(standing.accounts), self._settings.mode
        if header.doubts:
            shown = "; ".join(header.doubts[:DOUBTS_SHOWN])
            detail = f"{shown}, sent by {who} ({self._place['mode']})"
            return self._answer(Reject("sender.doubtful", TEXT_DOUBT, 550, "5.7.1", detail))
        foreign = [
            claim for claim in self._judged(header) if not await self._owned(standing, claim)
        ]
        if not foreign:
            return None
        place = self._place["display_names" if all(c.in_name for c in foreign) else "mode"]
        detail = f"{_shown(foreign)} not owned by {who} ({place})"
        if mode == "rewrite" and all(claim.field in REWRITABLE for claim in foreign):
            only_sender = all(claim.field == "sender" for claim in foreign)
            edits = await self._edits(standing, header, only_sender=only_sender)
            if edits is not None:
                return Continue("sender.rewritten", detail, edits)
            detail += "; there is no own address to write instead"
        return self._answer(Reject("sender.foreign", TEXT, 550, "5.7.1", detail))

    async def _outside(self, standing: Standing, header: Header) -> Continue | Reject | None:
        """Refuse local senders, unless a grant covers the peer for an account that owns them.

        A header that is only doubtful passes.
        """
        local = [
            claim
            for claim in self._judged(header)
            if claim.address is not None
            and await self._judge.is_ours(claim.address)
            and not await self._owned(standing, claim)
        ]
        if not local:
            return None
        detail = f"{_shown(local)} from outside without a login ({self._place['protect_local']})"
        return self._answer(Reject("sender.local_outside", TEXT_OUTSIDE, 550, "5.7.1", detail))

    async def _edits(
        self, standing: Standing, header: Header, *, only_sender: bool
    ) -> tuple[Edit, ...] | None:
        """The edits that put the account's own address into the header; None if there is none.

        If several accounts are possible, it is the first one that owns the envelope's sender.
        """
        record = await self._judge.directory.account(standing.accounts[0])
        return None if record is None else rewritten(header, record, only_sender=only_sender)

    def _answer(self, refusal: Reject) -> Continue | Reject:
        if self._settings.mode == "log":
            return Continue(refusal.reason, refusal.detail)
        return refusal

    def _judged(self, header: Header) -> list[Claim]:
        names = self._settings.display_names == "owned"
        return [claim for claim in header.claims if names or not claim.in_name]

    async def _owned(self, standing: Standing, claim: Claim) -> bool:
        if claim.address is None:
            return False
        return await self._judge.owner(standing.accounts, claim.address) is not None


def _shown(claims: list[Claim]) -> str:
    """The first few claims as a text for the journal."""
    texts = [
        f"{claim.field}: {claim.address or 'something like an address'}"
        + (" in a display name" if claim.in_name else "")
        for claim in claims[:DOUBTS_SHOWN]
    ]
    return ", ".join(texts)


@plugin("filter", "sender")
@asynccontextmanager
async def sender_filter(config: HeaderSettings, context: Context) -> AsyncIterator[HeaderCheck]:
    """The check of one instance."""
    yield HeaderCheck(config, context, await make_judge(config, context))
