"""A site that names the resolver: every plugin's context has it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from ipaddress import ip_address

from thurn.plugin import Context, NoSettings, plugin
from thurn_testing.fakes.service import IdleService
from thurn_testing.server import open_server


class Asking(NoSettings):
    @property
    def needs_resolver(self):
        return True


async def test_a_plugin_asks_it(tmp_path, server):
    answers = []

    @plugin("service", "asking")
    @asynccontextmanager
    async def asking(config: Asking, context: Context):
        answers.append(await context.resolver.addresses("one.kit.example"))
        yield IdleService()

    tables = {
        "site": {"resolver": "main"},
        "resolver": {"main": {"type": "dns", "nameservers": [server.address]}},
        "service": {"asking": {"type": "asking"}},
    }
    async with open_server(tables, tmp_path, plugins=[asking]):
        assert answers[0].records == tuple(map(ip_address, ("2001:db8::1", "192.0.2.1")))
