"""The conformance kit, on a nameserver made of its sample."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio
from thurn_resolver_dns.factory import dns
from thurn_testing.contracts.resolver import check_resolver
from thurn_testing.fakes.context import FakeContext
from zoneserver import ZoneServer


@pytest.mark.parametrize("tcp", [False, True])
async def test_contract(tmp_path, tcp):
    @asynccontextmanager
    async def open_on_sample(clock):
        async with ZoneServer() as server, trio.open_nursery() as nursery:
            nursery.start_soon(server.serve)
            config = dns.settings(nameservers=[server.address], validator=True, tcp=tcp)
            async with dns.open(config, FakeContext(tmp_path, clock=clock)) as resolver:
                yield resolver, server
            nursery.cancel_scope.cancel()

    await check_resolver(open_on_sample)
