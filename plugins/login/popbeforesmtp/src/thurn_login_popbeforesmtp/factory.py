"""The plugin `login.popbeforesmtp`: a login to read mail lets its address send, for an interval.

Rules of this file:
1. The grant is written before the positive reply, so that a client may send at once, and after all
   login policies of the listener have allowed the login, whatever their order.
2. Only a successful login grants, and only another login renews the grant. A name alone, a wrong
   password, a hello and sending mail do not.
3. The exact address is granted, bound to the account that logged in. A peer without an address (a
   unix socket) gets no grant.
4. If the table fails, nothing is granted. The login succeeds all the same, unless `on_trouble` is
   "refuse".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import trio
from thurn.plugin import (
    Context,
    Identity,
    LoginAttempt,
    PeerAddress,
    StorageError,
    TemporaryFailure,
    plugin,
)
from thurn_kit.grants import GrantTable, GrantTableFull, exact
from thurn_kit.named import NamedAccounts, named_accounts

from thurn_login_popbeforesmtp.settings import PopBeforeSmtpSettings

TABLE_SECONDS: Final = 2.0
"""How long a login waits for the table; a slower login would be worse than one without a grant."""


class PopBeforeSmtp:
    """Grants after logins; see `thurn.contracts.login.LoginRecorder`."""

    def __init__(
        self, config: PopBeforeSmtpSettings, context: Context, named: NamedAccounts
    ) -> None:
        self._config = config
        self._named = named
        self._context = context
        self._table = GrantTable(context.state, context.clock)

    async def before_login(self, attempt: LoginAttempt) -> None:
        """Never objects; nothing is proved yet."""

    async def after_login(self, attempt: LoginAttempt, identity: Identity | None) -> None:
        """Never objects; another policy may still forbid the login, so nothing is granted yet."""

    async def record_login(self, attempt: LoginAttempt, identity: Identity) -> None:
        """Write the grant of a login, if the settings say that it grants.

        Raises:
            TemporaryFailure: the grant could not be written, and `on_trouble` is "refuse".
        """
        peer = attempt.session.peer
        if peer is None:
            return
        try:
            with trio.fail_after(TABLE_SECONDS):
                if await self._grants(attempt, identity, exact(peer)):
                    await self._grant(attempt, identity, exact(peer))
        except (GrantTableFull, TemporaryFailure, StorageError, trio.TooSlowError) as error:
            self._context.diagnostics.warning(
                "relay.grant_failed",
                account=identity.account,
                peer=str(peer),
                session=attempt.session.id,
                failure=str(error) or type(error).__name__,
            )
            if self._config.on_trouble == "refuse":
                raise TemporaryFailure(f"POP-before-SMTP: {error}") from error

    async def _grants(self, attempt: LoginAttempt, identity: Identity, peer: PeerAddress) -> bool:
        config = self._config
        if attempt.session.protocol not in config.protocols:
            return False
        if config.require_tls and not identity.secured:
            return False
        if any(peer in network for network in config.never):
            return False
        if config.accounts is None and config.groups is None:
            return True
        member = bool(identity.groups & (config.groups or frozenset()))
        return member or await self._named.has(identity.account)

    async def _grant(self, attempt: LoginAttempt, identity: Identity, peer: PeerAddress) -> None:
        session = attempt.session
        how = f"{identity.mechanism}, TLS" if identity.secured else identity.mechanism
        await self._table.grant(
            peer,
            account=identity.account,
            reason=f"{session.protocol} login ({how}), session {session.id}",
            granted_by=self._context.name,
            lifetime_seconds=self._config.interval,
        )
        self._context.diagnostics.debug(
            "relay.granted",
            account=identity.account,
            peer=str(peer),
            session=session.id,
            seconds=self._config.interval,
        )


@plugin("login", "popbeforesmtp")
@asynccontextmanager
async def popbeforesmtp(
    config: PopBeforeSmtpSettings, context: Context
) -> AsyncIterator[PopBeforeSmtp]:
    """The policy of one instance."""
    named = await named_accounts(config.accounts or (), context, "accounts")
    yield PopBeforeSmtp(config, context, named)
