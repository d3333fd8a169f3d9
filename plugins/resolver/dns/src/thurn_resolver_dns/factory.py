"""The plugin `resolver.dns`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from thurn.plugin import Context, Resolver, plugin

from thurn_resolver_dns.lookup import Lookup
from thurn_resolver_dns.nameserver import Nameservers, parse_nameserver
from thurn_resolver_dns.resolver import DnsResolver
from thurn_resolver_dns.settings import DnsSettings


@plugin("resolver", "dns")
@asynccontextmanager
async def dns(config: DnsSettings, context: Context) -> AsyncIterator[Resolver]:
    """Nothing is asked before the first question; questions under way end with the instance."""
    given = [parse_nameserver(text) for text in config.nameservers]
    servers = Nameservers(given, config.resolv_conf, context.clock, context.diagnostics)
    failure: BaseException | None = None
    async with trio.open_nursery() as nursery:
        try:
            yield DnsResolver(config, context, Lookup(config, servers), nursery)
        except BaseException as error:  # noqa: BLE001 - raised again below, as it is:
            failure = error  # a nursery would put it into a group
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
