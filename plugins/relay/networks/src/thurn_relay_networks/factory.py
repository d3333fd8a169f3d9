"""The plugin `relay.networks`: permits listed networks, and shows them in the grant table.

Rules of this file:
1. The configuration alone decides what is permitted here; the table is never asked. It is written
   for its readers: `relay.grants` and `thurn relay who`.
2. When an instance opens, it removes its rows that are no longer in the configuration. After that
   it only renews existing rows, so that draining workers of an old generation do not write removed
   networks again. Rows that ended while the machine was suspended are written again. The rows of an
   instance that was removed end by themselves.
3. A site without shared state has no table. If the table fails, that is logged and changes nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import trio
from thurn.plugin import (
    Accept,
    ConfigError,
    Context,
    Recipient,
    StorageError,
    TemporaryFailure,
    Transaction,
    plugin,
)
from thurn_kit.grants import Grant, GrantTable, GrantTableFull, Network, exact

from thurn_relay_networks.settings import NetworksSettings

LIFETIME_SECONDS: Final = 180.0
"""How long a row lives after its last renewal, in seconds; so long it outlives its instance."""
RENEWAL_SECONDS: Final = 40.0
"""Seconds between renewals: four within a lifetime, so that a busy machine does not lose rows."""

TABLE_ERRORS: Final = (TemporaryFailure, StorageError, GrantTableFull)
"""The ways in which the grant table fails."""


class NetworksPolicy:
    """Permits listed networks; see `thurn.contracts.relay.RelayPolicy`."""

    def __init__(self, config: NetworksSettings, context: Context) -> None:
        self._config = config
        self._context = context
        self._source = context.source("networks")

    async def may_relay(self, transaction: Transaction, recipient: Recipient) -> Accept | None:
        """Permit the recipient if the peer is in a network and the recipient is a destination."""
        peer = transaction.session.peer
        if peer is None:
            return None
        address = exact(peer)
        for network in self._config.networks:
            if address in network and self._grant(network).reaches(recipient.address):
                return Accept("relay.network", detail=f"{network} ({self._source})")
        return None

    def _grant(self, network: Network) -> Grant:
        return Grant(
            network,
            None,
            self._config.destinations,
            self._source,
            self._context.name,
            0.0,
            LIFETIME_SECONDS,
        )

    async def show(self, table: GrantTable, *, add: bool, remove: bool) -> None:
        """Write this instance's rows as the configuration says.

        Args:
            table: the site's grant table.
            add: whether missing rows are written; existing ones are renewed in any case.
            remove: whether rows that are not in the configuration are removed.
        """
        name = self._context.name
        rows = {g.source: g for g in await table.entries("network") if g.granted_by == name}
        for network in self._config.networks:
            row = rows.pop(network, None)
            if row is None and not add:
                continue
            await table.grant(
                network,
                destinations=self._config.destinations,
                reason=self._source,
                granted_by=name,
                lifetime_seconds=LIFETIME_SECONDS,
            )
        for leftover in rows if remove else ():
            await table.revoke(leftover, granted_by=name)

    async def keep_showing(self, table: GrantTable) -> None:
        """Renew the rows as long as the instance is open."""
        clock = self._context.clock
        while True:
            started = clock.monotonic()
            await trio.sleep(RENEWAL_SECONDS)
            was_suspended = clock.monotonic() - started > LIFETIME_SECONDS
            await self.try_to_show(table, add=was_suspended)

    async def try_to_show(self, table: GrantTable, *, add: bool, remove: bool = False) -> None:
        """Do what `show` does; a failure of the table is logged."""
        try:
            await self.show(table, add=add, remove=remove)
        except TABLE_ERRORS as error:
            self._context.diagnostics.warning("relay.networks_not_shown", failure=str(error))


@plugin("relay", "networks")
@asynccontextmanager
async def networks(config: NetworksSettings, context: Context) -> AsyncIterator[NetworksPolicy]:
    """The rule of one instance; its rows are written before the first peer connects."""
    policy = NetworksPolicy(config, context)
    if config.open_relay_on_purpose:
        where = context.source("open_relay_on_purpose")
        context.diagnostics.warning("relay.open_on_purpose", source=where)
    table = _table(context)
    if table is None:
        yield policy
        return
    await policy.try_to_show(table, add=True, remove=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(policy.keep_showing, table)
        yield policy
        nursery.cancel_scope.cancel()


def _table(context: Context) -> GrantTable | None:
    """The site's grant table; None without shared state, and in a process that does not serve."""
    if not context.serving:
        return None
    try:
        return GrantTable(context.state, context.clock)
    except ConfigError:
        return None
