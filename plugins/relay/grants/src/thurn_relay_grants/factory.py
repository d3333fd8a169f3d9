"""The plugin `relay.grants`: whoever a row of the grant table covers may send.

Rules of this file:
1. The table is looked at for every recipient; nothing is remembered, so that a grant that ended or
   was revoked ends within a transaction. Looking renews nothing.
2. A grant that is bound to an account is good only as long as the directory knows the account,
   enabled and allowed to use this protocol.
3. It is good only for senders that the account owns: others share its address (NAT, webmail, a
   mail server in the same house), and may not send in its name, nor it in theirs.
4. Grants for anybody come first. Where a bound one permits, the transaction is told for whom, so
   that the header can be held to the same accounts.
5. No opinion where nothing is found: the next rule is asked, and the chain ends in 550 5.7.1. Where
   only the sender is wrong, that is noted; another rule may permit it all the same.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

from pydantic import Field
from thurn.plugin import (
    Accept,
    AccountId,
    Context,
    Continue,
    Recipient,
    Session,
    Settings,
    Transaction,
    plugin,
)
from thurn_kit.grants import RELAYED_FOR, Grant, GrantTable

SHOWN: Final = 10
"""Accounts named in one line of the journal; a large NAT has hundreds."""

Obstacle: TypeAlias = Literal["account", "sender"]


class GrantsSettings(Settings):
    """Settings of `relay.grants`."""

    granted_by: frozenset[str] | None = Field(
        default=None,
        description='Only grants of these grantors, such as "login.popbeforesmtp"; '
        '"command.relay" is `thurn relay grant`.',
    )
    enforce_sender: bool = Field(
        default=True,
        description="A grant bound to an account permits only senders that the account owns.",
    )

    @property
    def needs_state(self) -> bool:
        """Grants are shared."""
        return True


class GrantsPolicy:
    """See `thurn.contracts.relay.RelayPolicy`."""

    def __init__(self, config: GrantsSettings, context: Context) -> None:
        self._directory = context.directory
        self._granted_by = config.granted_by
        self._enforce_sender = config.enforce_sender
        self._place = context.source("enforce_sender")
        self._table = GrantTable(context.state, context.clock)

    async def may_relay(
        self, transaction: Transaction, recipient: Recipient
    ) -> Accept | Continue | None:
        """Permits what a grant covers, and says on the transaction for whom (`RELAYED_FOR`).

        Raises:
            TemporaryFailure: the state or the directory cannot be asked; never "no grant".
        """
        grants = await self.covering(transaction.session, recipient)
        for grant in grants:
            if grant.account is None:
                return Accept("relay.grant", detail=_story(grant))
        good: list[Grant] = []
        foreign: list[AccountId] = []
        for grant, account in _by_account(grants):
            obstacle = await self.obstacle(account, transaction)
            if obstacle is None:
                good.append(grant)
            elif obstacle == "sender":
                foreign.append(account)
        if good:
            accounts = frozenset(grant.account for grant in good if grant.account is not None)
            before = transaction.stash.get(RELAYED_FOR) or frozenset()
            transaction.stash[RELAYED_FOR] = before | accounts
            return Accept("relay.grant", detail=_story(good[0]))
        if foreign:
            return Continue("relay.grant_sender", self._no_owner(transaction, sorted(foreign)))
        return None

    async def covering(self, session: Session, recipient: Recipient) -> Sequence[Grant]:
        """The grants for this session and recipient, whether their accounts are good or not."""
        return [
            grant
            for grant in await self._table.find(session)
            if (self._granted_by is None or grant.granted_by in self._granted_by)
            and grant.reaches(recipient.address)
        ]

    async def obstacle(self, account: AccountId, transaction: Transaction) -> Obstacle | None:
        """Why a grant bound to the account permits nothing in this transaction: the account could
        not log in for this any more, or does not own the sender."""
        if self._enforce_sender:
            sender = transaction.sender
            # The null sender is nobody's: bounces come from where mail went, not from clients.
            if sender is None or not await self._directory.owns(account, sender):
                return "sender"
        record = await self._directory.account(account)
        may_use = record is not None and record.may_use(transaction.session.protocol)
        return None if may_use else "account"

    def _no_owner(self, transaction: Transaction, accounts: Sequence[AccountId]) -> str:
        """For the journal: whose grants there are, and that the sender is none of theirs."""
        peer = transaction.session.peer or "this session"
        sender = transaction.sender or "the null sender"
        if len(accounts) == 1:
            text = f"a grant of {accounts[0]} covers {peer}, but {accounts[0]} does not own"
        else:
            more = "" if len(accounts) <= SHOWN else f" and {len(accounts) - SHOWN} more"
            names = ", ".join(accounts[:SHOWN]) + more
            text = f"grants of {names} cover {peer}, but none of them owns"
        return f"{text} {sender} ({self._place})"


def _by_account(grants: Sequence[Grant]) -> Sequence[tuple[Grant, AccountId]]:
    """The first grant of each account, in their order."""
    first: dict[AccountId, Grant] = {}
    for grant in grants:
        if grant.account is not None:
            first.setdefault(grant.account, grant)
    return [(grant, account) for account, grant in first.items()]


def _story(grant: Grant) -> str:
    """For the journal: the same words for the same row, whenever it is looked at."""
    since = datetime.fromtimestamp(grant.granted_at, UTC).isoformat(timespec="seconds")
    who = grant.account or "anybody"
    return f"{who} from {grant.source}, granted by {grant.granted_by} at {since}: {grant.reason}"


@plugin("relay", "grants")
@asynccontextmanager
async def grants(config: GrantsSettings, context: Context) -> AsyncIterator[GrantsPolicy]:
    """Follows the site's grant table."""
    yield GrantsPolicy(config, context)
