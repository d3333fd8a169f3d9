"""The plugin `relay.authenticated`: who has logged in may send to anybody. RFC 6409 §6.1, §4.3.

The login is the permission, for as long as the account may log in: one that is locked while a
session is open sends nothing more by it. The row in the grant table, one for a session and at its
first mail to elsewhere, only shows it (`thurn relay who`); where there is no table, or no room, it
is left out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import trio
from pydantic import Field
from thurn.plugin import (
    Accept,
    ConfigError,
    Context,
    Identity,
    Recipient,
    Session,
    Settings,
    StashKey,
    StorageError,
    TemporaryFailure,
    Transaction,
    plugin,
)
from thurn_kit.grants import GrantTable, GrantTableFull, SessionSource
from thurn_kit.named import NamedAccounts, named_accounts

SHOWN_SECONDS: Final = 600.0
"""A row outlives its session by this at most; a session that goes on sending writes a new one."""
TABLE_SECONDS: Final = 1.0
"""For the table: mail does not wait for what is only shown."""

SHOWN_UNTIL: Final = StashKey[float]("relay.authenticated.shown_until")


class AuthenticatedSettings(Settings):
    """Settings of `relay.authenticated`."""

    accounts: frozenset[str] | None = Field(
        default=None, description="Only these accounts: login names or addresses."
    )
    groups: frozenset[str] | None = Field(default=None, description="Only members of these groups.")
    show: bool = Field(
        default=True, description="Write a row into the grant table, for `thurn relay who`."
    )


class Authenticated:
    """See `thurn.contracts.relay.RelayPolicy`."""

    def __init__(
        self, config: AuthenticatedSettings, context: Context, named: NamedAccounts
    ) -> None:
        self._config = config
        self._context = context
        self._named = named

    async def may_relay(self, transaction: Transaction, recipient: Recipient) -> Accept | None:
        """Permits logins; those in `accounts` or `groups` where either is set.

        Raises:
            TemporaryFailure: the accounts cannot be asked.
        """
        session, config = transaction.session, self._config
        identity = session.identity
        if identity is None:
            return None
        member = identity.groups & (config.groups or frozenset())
        everybody = config.accounts is None and config.groups is None
        if not (everybody or member or await self._named.has(identity.account)):
            return None
        record = await self._context.directory.account(identity.account)
        if record is not None and not record.may_use(session.protocol):
            return None
        if config.show and self._context.serving:
            await _show(session, identity, self._context)
        return Accept("relay.authenticated")


@plugin("relay", "authenticated")
@asynccontextmanager
async def authenticated(
    config: AuthenticatedSettings, context: Context
) -> AsyncIterator[Authenticated]:
    """Permits who has logged in."""
    named = await named_accounts(config.accounts or (), context, "accounts")
    yield Authenticated(config, context, named)


async def _show(session: Session, identity: Identity, context: Context) -> None:
    """Write the session's row unless it is there."""
    now, until = context.clock.monotonic(), session.stash.get(SHOWN_UNTIL)
    if until is not None and now < until:
        return
    session.stash[SHOWN_UNTIL] = now + SHOWN_SECONDS  # trouble is not tried again either
    try:
        with trio.fail_after(TABLE_SECONDS):
            await GrantTable(context.state, context.clock).grant(
                SessionSource(session.id, str(session.peer or "")),
                account=identity.account,
                reason=f"login by {identity.mechanism}",
                granted_by=context.name,
                lifetime_seconds=SHOWN_SECONDS,
            )
    except ConfigError:
        pass  # a site without shared state
    except (GrantTableFull, TemporaryFailure, StorageError, trio.TooSlowError) as error:
        failure = str(error) or type(error).__name__
        context.diagnostics.debug("relay.grant_not_shown", session=session.id, failure=failure)
