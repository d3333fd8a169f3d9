"""The plugin `relay.authenticated`: peers that have logged in may send to everybody.

Rules of this file:
1. The login is the permission, as long as the account may use the protocol: if the account is
   locked, its open sessions can no longer send to elsewhere.
2. The row in the grant table only shows the permission (`thurn relay who`). It is written at a
   session's first mail to elsewhere, and left out if there is no table or no room in it.

RFC 6409 §4.3, §6.1.
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
"""How long a row lives, in seconds. It may outlive its session by as much; a session that goes on
sending writes it again."""
TABLE_SECONDS: Final = 1.0
"""How long a recipient waits for the table, in seconds; short, since the row is only for people."""

SHOWN_UNTIL: Final = StashKey[float]("relay.authenticated.shown_until")
"""On a session: the monotonic time until which its row needs no renewal."""


class AuthenticatedSettings(Settings):
    """Settings of `relay.authenticated`."""

    accounts: frozenset[str] | None = Field(
        default=None,
        description="Only these accounts may send: login names, addresses or ids. "
        "Not set: every account, unless `groups` is set.",
    )
    groups: frozenset[str] | None = Field(
        default=None,
        description="Only members of these groups may send. "
        "Not set: every account, unless `accounts` is set.",
    )
    show: bool = Field(
        default=True,
        description="Whether a session that sends gets a row in the grant table, for "
        "`thurn relay who`.",
    )


class Authenticated:
    """Permits logins; see `thurn.contracts.relay.RelayPolicy`."""

    def __init__(
        self, config: AuthenticatedSettings, context: Context, named: NamedAccounts
    ) -> None:
        self._config = config
        self._context = context
        self._named = named

    async def may_relay(self, transaction: Transaction, recipient: Recipient) -> Accept | None:
        """Permit the recipient if the session is logged in and its account is among those allowed.

        Raises:
            TemporaryFailure: the account plugins do not answer.
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
    """The rule of one instance."""
    named = await named_accounts(config.accounts or (), context, "accounts")
    yield Authenticated(config, context, named)


async def _show(session: Session, identity: Identity, context: Context) -> None:
    """Write the session's row, unless it was written within `SHOWN_SECONDS`."""
    now, until = context.clock.monotonic(), session.stash.get(SHOWN_UNTIL)
    if until is not None and now < until:
        return
    session.stash[SHOWN_UNTIL] = (
        now + SHOWN_SECONDS
    )  # a failing table is not tried again sooner either
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
