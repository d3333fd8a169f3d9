"""The plugin `relay.networks`: permits by the configuration, and shows it in the grant table.

Rules of this file:
1. What is permitted here is what the configuration says; the table is for whoever reads it
   (`relay.grants`, `thurn relay who`) and is not asked.
2. Rows of this instance that the configuration no longer has go when it opens. A running instance
   only renews rows that are there, so that the workers of an old generation that still drain
   bring nothing back; but what ended because the machine slept, it writes again. The rows of an
   instance that is gone end by themselves.
3. A site without shared state has no table; trouble with the table is logged and changes nothing.
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
"""How long rows outlive an instance that is gone."""
RENEWAL_SECONDS: Final = 40.0
"""Four times within a lifetime: a busy machine does not lose its rows."""

TROUBLE: Final = (TemporaryFailure, StorageError, GrantTableFull)


class NetworksPolicy:
    """See `thurn.contracts.relay.RelayPolicy`."""

    def __init__(self, config: NetworksSettings, context: Context) -> None:
        self._config = config
        self._context = context
        self._source = context.source("networks")

    async def may_relay(self, transaction: Transaction, recipient: Recipient) -> Accept | None:
        """Permits peers of the networks, to the destinations if there are any."""
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
        """Make the table's rows of this instance what the configuration says.

        Args:
            table: the site's.
            add: rows that are not there; else only renew.
            remove: rows that the configuration does not have.
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
        for gone in rows if remove else ():
            await table.revoke(gone, granted_by=name)

    async def keep_showing(self, table: GrantTable) -> None:
        """Renew the rows for as long as the instance is open."""
        clock = self._context.clock
        while True:
            started = clock.monotonic()
            await trio.sleep(RENEWAL_SECONDS)
            slept = clock.monotonic() - started > LIFETIME_SECONDS
            await self.try_to_show(table, add=slept)

    async def try_to_show(self, table: GrantTable, *, add: bool, remove: bool = False) -> None:
        """`show`; trouble is logged."""
        try:
            await self.show(table, add=add, remove=remove)
        except TROUBLE as error:
            self._context.diagnostics.warning("relay.networks_not_shown", failure=str(error))


@plugin("relay", "networks")
@asynccontextmanager
async def networks(config: NetworksSettings, context: Context) -> AsyncIterator[NetworksPolicy]:
    """Permits the networks; their rows are in the table before the first peer comes."""
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
    """The site's grant table; None without shared state, and in a process that only looks."""
    if not context.serving:
        return None
    try:
        return GrantTable(context.state, context.clock)
    except ConfigError:
        return None
