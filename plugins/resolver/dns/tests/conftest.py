from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from thurn_resolver_dns.factory import dns
from thurn_testing.fakes.clock import ManualClock
from thurn_testing.fakes.context import FakeContext

sys.path.insert(0, str(Path(__file__).parent))

from zoneserver import ZoneServer


@pytest.fixture
async def server(nursery):
    """A nameserver with the records of the kit."""
    async with ZoneServer() as running:
        nursery.start_soon(running.serve)
        yield running


@pytest.fixture
async def other(nursery):
    """One more."""
    async with ZoneServer() as running:
        nursery.start_soon(running.serve)
        yield running


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def context(tmp_path, clock):
    return FakeContext(tmp_path, name="resolver.main", clock=clock)


@pytest.fixture
def opened(context):
    """Opens a resolver that asks these servers."""

    @asynccontextmanager
    async def open_resolver(*servers, **settings):
        addresses = [one if isinstance(one, str) else one.address for one in servers]
        given = {"lifetime": "30s", "timeout": "20s", **settings}
        config = dns.settings.model_validate({"nameservers": addresses, **given})
        async with dns.open(config, context) as resolver:
            yield resolver

    return open_resolver
