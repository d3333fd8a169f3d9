"""The plugin `relay.grants`: permits peers that a row of the grant table covers.

Rules of this file:
1. The table is read for every recipient and nothing is remembered, so that a grant that ended or
   was revoked ends within a transaction. A look-up does not renew a grant.
2. A grant that is bound to an account counts only while the directory has the account, it is
   enabled, and it may use this protocol.
3. It counts only for senders that the account owns, since others share its address (NAT, webmail, a
   mail server in the same house) and may not send in its name.
4. Grants for everybody come first. If a bound grant permits, the transaction is marked with its
   account, so that the header can be held to the same accounts.
5. Without a grant the rule has no opinion: the next rule is asked, and the chain ends in 550 5.7.1.
   If only the sender is wrong, that is noted; another rule may still permit it.
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
"""Accounts named in one line of the journal; a large NAT may have hundreds."""

Obstacle: TypeAlias = Literal["account", "sender"]
"""Why a bound grant does not count: its account, or the sender."""


class GrantsSettings(Settings):
    """Settings of `relay.grants`."""

    granted_by: frozenset[str] | None = Field(
        default=None,
        description='Only grants of these grantors count, such as "login.popbeforesmtp"; '
        '"command.relay" is `thurn relay grant`. Not set: all grants.',
    )
    enforce_sender: bool = Field(
        default=True,
        description="Whether a grant bound to an account permits only senders that it owns.",
    )

    @property
    def needs_state(self) -> bool:
        """Always true: the grant table is in the shared state."""
        return True


class GrantsPolicy:
    """Permits by the grant table; see `thurn.contracts.relay.RelayPolicy`."""

    def __init__(self, config: GrantsSettings, context: Context) -> None:
        self._directory = context.directory
        self._granted_by = config.granted_by
        self._enforce_sender = config.enforce_sender
        self._place = context.source("enforce_sender")
        self._table = GrantTable(context.state, context.clock)

    async def may_relay(
        self, transaction: Transaction, recipient: Recipient
    ) -> Accept | Continue | None:
        """Permit what a grant covers, and mark the transaction with its accounts (`RELAYED_FOR`).

        Raises:
            TemporaryFailure: the state or the directory fails; this does not mean "no grant".
        """
        grants = await self.covering(transaction.session, recipient)
        for grant in grants:
            if grant.account is None:
                return Accept("relay.grant", detail=_story(grant))
        permitting: list[Grant] = []
        foreign: list[AccountId] = []
        for grant, account in _by_account(grants):
            obstacle = await self.obstacle(account, transaction)
            if obstacle is None:
                permitting.append(grant)
            elif obstacle == "sender":
                foreign.append(account)
        if permitting:
            accounts = frozenset(grant.account for grant in permitting if grant.account is not None)
            before = transaction.stash.get(RELAYED_FOR) or frozenset()
            transaction.stash[RELAYED_FOR] = before | accounts
            return Accept("relay.grant", detail=_story(permitting[0]))
        if foreign:
            return Continue("relay.grant_sender", self._no_owner(transaction, sorted(foreign)))
        return None

    async def covering(self, session: Session, recipient: Recipient) -> Sequence[Grant]:
        """The grants for this session and recipient, whatever the state of their accounts."""
        return [
            grant
            for grant in await self._table.find(session)
            if (self._granted_by is None or grant.granted_by in self._granted_by)
            and grant.reaches(recipient.address)
        ]

    async def obstacle(self, account: AccountId, transaction: Transaction) -> Obstacle | None:
        """Why a grant bound to the account permits nothing in this transaction, or None.

        Either the account may no longer use the protocol, or it does not own the sender.
        """
        if self._enforce_sender:
            sender = transaction.sender
            # Nobody owns the null sender: bounces come from servers, not from clients.
            if sender is None or not await self._directory.owns(account, sender):
                return "sender"
        record = await self._directory.account(account)
        may_use = record is not None and record.may_use(transaction.session.protocol)
        return None if may_use else "account"

    def _no_owner(self, transaction: Transaction, accounts: Sequence[AccountId]) -> str:
        """The text for the journal that none of the accounts with grants owns the sender."""
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
    """The first grant of each account, in the order of the grants."""
    first: dict[AccountId, Grant] = {}
    for grant in grants:
        if grant.account is not None:
            first.setdefault(grant.account, grant)
    return [(grant, account) for account, grant in first.items()]


def _story(grant: Grant) -> str:
    """The text of a grant for the journal; always the same for the same row."""
    since = datetime.fromtimestamp(grant.granted_at, UTC).isoformat(timespec="seconds")
    who = grant.account or "anybody"
    return f"{who} from {grant.source}, granted by {grant.granted_by} at {since}: {grant.reason}"


@plugin("relay", "grants")
@asynccontextmanager
async def grants(config: GrantsSettings, context: Context) -> AsyncIterator[GrantsPolicy]:
    """The rule of one instance."""
    yield GrantsPolicy(config, context)
