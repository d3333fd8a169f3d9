"""The plugin `relay.grants`: whoever a row of the grant table covers may send.

Rules of this file:
1. The table is looked at for every recipient; nothing is remembered, so that a grant that ended or
   was revoked ends within a transaction. Looking renews nothing.
2. A grant that is bound to an account is good only as long as the directory knows the account,
   enabled and allowed to use this protocol.
3. No opinion where nothing is found: the next rule is asked, and the chain ends in 550 5.7.1.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from pydantic import Field
from thurn.plugin import Accept, Context, Recipient, Session, Settings, Transaction, plugin
from thurn.plugin.grants import Grant, GrantTable


class GrantsSettings(Settings):
    """Settings of `relay.grants`."""

    granted_by: frozenset[str] | None = Field(
        default=None,
        description='Only grants of these grantors, such as "login.popbeforesmtp"; '
        '"command.relay" is `thurn relay grant`.',
    )


class GrantsPolicy:
    """See `thurn.contracts.relay.RelayPolicy`."""

    def __init__(self, config: GrantsSettings, context: Context) -> None:
        self._context = context
        self._granted_by = config.granted_by
        self._table = GrantTable(context.state, context.clock)

    async def may_relay(self, transaction: Transaction, recipient: Recipient) -> Accept | None:
        """Permits what a grant covers.

        Raises:
            TemporaryFailure: the state or the directory cannot be asked; never "no grant".
        """
        session = transaction.session
        for grant in await self._table.find(session):
            if self._granted_by is not None and grant.granted_by not in self._granted_by:
                continue
            if grant.reaches(recipient.address) and await self._stands(grant, session):
                return Accept("relay.grant", detail=_story(grant))
        return None

    async def _stands(self, grant: Grant, session: Session) -> bool:
        """Whether the account could still log in for this."""
        if grant.account is None:
            return True
        record = await self._context.directory.account(grant.account)
        if record is None or not record.enabled:
            return False
        return record.services is None or session.protocol in record.services


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
