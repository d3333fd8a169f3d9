"""`context.resolver`: the site's, opened before the plugins that use it; else the system's."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest
import trio
from thurn.app.resolver import SystemResolver
from thurn.app.site import open_site
from thurn.config.files import of_tables
from thurn.config.instances import load
from thurn.contracts.resolver import LookupFailed, NoSuchName, RecordSet, Resolver
from thurn.hooks.registry import Registry
from thurn.plugin import Context, plugin
from thurn.types.errors import ConfigError
from thurn_testing.contracts.resolver import NOT_NAMES
from thurn_testing.fakes.resolver import StaticResolver, static_plugin
from thurn_testing.fakes.service import IdleService

SOCKETS = {4: socket.AF_INET, 6: socket.AF_INET6}


class NamedHosts:
    """The system's resolver as trio calls it."""

    def __init__(self, **hosts):
        self.hosts, self.asked = hosts, []

    async def getaddrinfo(self, host, port, family, type, proto, flags):  # noqa: A002 - trio's
        host = host.decode("ascii")
        self.asked.append(host)
        if host not in self.hosts:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            (SOCKETS[ip_address(text.partition("%")[0]).version], type, 6, "", (text, 0))
            for text in self.hosts[host]
        ]

    async def getnameinfo(self, sockaddr, flags):
        raise NotImplementedError


@pytest.fixture
async def hosts():
    known = NamedHosts(relay=["2001:db8::1", "192.0.2.1", "2001:db8::1", "fe80::1%eth0"])
    trio.socket.set_custom_hostname_resolver(known)
    return known


async def test_the_system_knows_addresses(hosts):
    resolver: Resolver = SystemResolver()
    expected = tuple(map(ip_address, ("2001:db8::1", "192.0.2.1", "fe80::1")))
    assert await resolver.addresses("Relay.") == RecordSet(expected, "relay", 0.0)


async def test_the_system_does_not_say_whether_a_name_is_missing(hosts):
    with pytest.raises(LookupFailed, match="nobody"):
        await SystemResolver().addresses("nobody")


async def test_the_system_is_not_asked_what_cannot_be_a_name(hosts):
    for text in NOT_NAMES:
        assert isinstance(await SystemResolver().addresses(text), NoSuchName)
    assert hosts.asked == []


@pytest.mark.parametrize("method", ["a", "aaaa", "mx", "txt", "tlsa", "cname"])
async def test_the_rest_needs_a_section(method):
    with pytest.raises(
        ConfigError, match=r"\[resolver\.NAME\] is missing: .*example.* add resolver"
    ):
        await getattr(SystemResolver(), method)("example.org")


async def test_the_names_of_addresses_need_a_section():
    with pytest.raises(ConfigError, match=r"\[resolver\.NAME\] is missing: .*192\.0\.2\.1"):
        await SystemResolver().ptr(ip_address("192.0.2.1"))


def site(tmp_path, **settings):
    """A site with a service that asks the resolver while it opens; and its answers."""
    answers = []

    @plugin("service", "asking")
    @asynccontextmanager
    async def asking(context: Context):
        answers.append(await context.resolver.addresses("relay"))
        yield IdleService()

    registry = Registry(available=())
    registry.add(asking)
    registry.add(static_plugin(StaticResolver("relay A 192.0.2.7")))
    tables = {
        "site": {"data": "data", **settings},
        "service": {"asking": {"type": "asking"}},
        "resolver": {"main": {"type": "static"}},
    }
    return load(of_tables(tables, tmp_path), registry), answers


async def test_the_site_resolver_opens_before_the_plugins_that_use_it(tmp_path, hosts):
    config, answers = site(tmp_path, resolver="main")
    async with open_site(config, with_log=False):
        assert answers[0].records == (ip_address("192.0.2.7"),)
    assert hosts.asked == []


async def test_without_one_it_is_the_system(tmp_path, hosts):
    config, answers = site(tmp_path)
    async with open_site(config, with_log=False):
        assert answers[0].records[0] == ip_address("2001:db8::1")
