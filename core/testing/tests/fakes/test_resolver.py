"""The resolver for tests keeps the contract that it stands for."""

from __future__ import annotations

from contextlib import asynccontextmanager
from ipaddress import IPv4Address

import pytest
from thurn.contracts.resolver import (
    Bogus,
    LookupFailed,
    MailExchanger,
    NoData,
    NoSuchName,
    RecordSet,
    joined_addresses,
    normal_name,
)
from thurn_testing.contracts.resolver import NOT_NAMES, SAMPLE, check_resolver
from thurn_testing.fakes.resolver import StaticResolver, static_plugin
from thurn_testing.server import open_server

FOUR = IPv4Address("192.0.2.1")


@asynccontextmanager
async def open_on_sample(clock):
    resolver = StaticResolver(SAMPLE)
    yield resolver, resolver


async def test_contract():
    await check_resolver(open_on_sample, remembers=False)


async def test_a_text_as_a_test_writes_it():
    resolver = StaticResolver(
        """
        ; a comment
        example.org     MX     10 mx.example.org
        mx.example.org  60 A   192.0.2.1
        """
    )
    assert await resolver.mx("example.org") == RecordSet(
        (MailExchanger(10, "mx.example.org"),), "example.org", 3600.0
    )
    assert (await resolver.a("mx.example.org")).ttl_seconds == 60.0
    assert resolver.questions == [("example.org", "MX"), ("mx.example.org", "A")]


@pytest.mark.parametrize(
    "line", ["example.org", "example.org A", "a..b A 192.0.2.1", "a SRV 1", "a A 1.2.3"]
)
def test_a_line_that_cannot_be_read(line):
    with pytest.raises(ValueError):
        StaticResolver(line)


async def test_it_is_a_plugin_of_a_server(tmp_path):
    tables = {"site": {"resolver": "main"}, "resolver": {"main": {"type": "static"}}}
    factory = static_plugin(StaticResolver("a.example A 192.0.2.1"))
    async with open_server(tables, tmp_path, plugins=[factory]) as server:
        assert (await server.site.resolver.a("a.example")).records == (FOUR,)


@pytest.mark.parametrize("text", NOT_NAMES)
def test_what_cannot_be_a_name(text):
    assert normal_name(text) is None


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "example.org",
        "_dmarc.example.org",
        "x--y.example",
        "xn--exmple-cua.org",
        "1.2.example",
        "4.3.2.1.in-addr.arpa",
        "a" * 63 + ".example",
        "a." * 126 + "b",
    ],
)
def test_what_can(name):
    assert normal_name(name) == name
    assert normal_name(f"{name.upper()}.") == name


def answer(kind, *, authenticated=True, ttl_seconds=5.0):
    return kind("n", ttl_seconds, authenticated)


def test_addresses_of_two_answers():
    full = RecordSet((FOUR,), "n", 9.0, True)
    six = RecordSet((IPv4Address("192.0.2.6"),), "n", 7.0, False)
    assert joined_addresses([six, full]) == RecordSet((*six.records, FOUR), "n", 7.0, False)
    for other in (answer(NoData), answer(NoSuchName), LookupFailed("x"), Bogus("x")):
        assert joined_addresses([other, full]) == full
        assert joined_addresses([full, other]) == full


@pytest.mark.parametrize("error", [LookupFailed, Bogus])
@pytest.mark.parametrize("empty", [NoData, NoSuchName])
def test_half_a_no_is_not_a_no(error, empty):
    for outcomes in ([error("x"), answer(empty)], [answer(empty), error("x")]):
        with pytest.raises(error):
            joined_addresses(outcomes)


def test_a_name_that_one_answer_knows_exists():
    outcomes = [answer(NoSuchName), answer(NoData)]
    assert joined_addresses(outcomes) == joined_addresses(outcomes[::-1]) == answer(NoData)
    assert joined_addresses([answer(NoSuchName)]) == answer(NoSuchName)
