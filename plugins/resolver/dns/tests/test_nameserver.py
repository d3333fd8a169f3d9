"""Which nameservers there are, their order, and what operators hear of it."""

from __future__ import annotations

import pytest
import trio
from thurn.plugin import LookupFailed
from thurn_resolver_dns.nameserver import (
    DOWN_MISSES,
    DOWN_SECONDS,
    LISTED_MOST,
    LOOK_SECONDS,
    Nameserver,
    Nameservers,
    listed_nameservers,
    parse_nameserver,
)
from thurn_testing.fakes.context import RecordingDiagnostics
from zoneserver import ZoneServer

NAME = "one.kit.example"
ONE, TWO = parse_nameserver("192.0.2.1"), parse_nameserver("192.0.2.2")


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("192.0.2.53", "192.0.2.53", 53),
        ("192.0.2.53:5353", "192.0.2.53", 5353),
        ("2001:db8::53", "2001:db8::53", 53),
        ("[2001:db8::53]", "2001:db8::53", 53),
        ("[::1]:1", "::1", 1),
        ("fe80::1%eth0", "fe80::1%eth0", 53),
    ],
)
def test_how_a_nameserver_is_written(text, address, port):
    found = parse_nameserver(text)
    assert (str(found.address), found.port) == (address, port)


@pytest.mark.parametrize(
    "text",
    ["", "ns.example", "192.0.2.53:", "192.0.2.53:0", "192.0.2.53:65536", "[::1]:x", "1.2.3"],
)
def test_what_is_not_a_nameserver(text):
    with pytest.raises(ValueError):
        parse_nameserver(text)


def test_who_is_on_loopback():
    assert parse_nameserver("127.0.0.53").is_loopback
    assert parse_nameserver("[::1]:5353").is_loopback
    assert not ONE.is_loopback
    assert not parse_nameserver("fe80::1%lo").is_loopback


def test_the_list_of_the_system(tmp_path):
    path = tmp_path / "resolv.conf"
    path.write_text(
        "# nameserver 192.0.2.99\nsearch example.org\n nameserver\t192.0.2.1 \n"
        "nameserver 2001:db8::1\nnameserver fe80::1%eth0\nnameserver\nnameserver ns.example\n"
        "options edns0 trust-ad\nnameservers 192.0.2.98\n"
    )
    found = [str(one.address) for one in listed_nameservers(path)]
    assert found == ["192.0.2.1", "2001:db8::1", "fe80::1%eth0"]
    path.write_text("".join(f"nameserver 192.0.2.{number}\n" for number in range(20)))
    assert len(listed_nameservers(path)) == LISTED_MOST


@pytest.mark.parametrize("octets", [b"", b"search example.org\n", b"\xff\0nameserver\n" * 9, None])
def test_without_a_list_it_is_this_machine(tmp_path, octets):
    path = tmp_path / "resolv.conf"
    if octets is not None:
        path.write_bytes(octets)
    assert listed_nameservers(path) == (parse_nameserver("127.0.0.1"),)


@pytest.fixture
def diagnostics():
    return RecordingDiagnostics()


@pytest.fixture
def servers(tmp_path, clock, diagnostics):
    return Nameservers([ONE, TWO], tmp_path / "none", clock, diagnostics)


def test_who_is_down_is_asked_last_for_a_while(servers, clock):
    servers.missed(ONE, "refused", is_closed=True)
    assert servers.in_order() == [TWO, ONE]
    clock.advance(DOWN_SECONDS)
    assert servers.in_order() == [ONE, TWO]


def test_some_misses_in_turn_are_down(servers):
    for _ in range(DOWN_MISSES - 1):
        servers.missed(ONE, "slow", is_closed=False)
    servers.heard(ONE)
    for _ in range(DOWN_MISSES - 1):
        servers.missed(ONE, "slow", is_closed=False)
    assert servers.in_order() == [ONE, TWO]
    servers.missed(ONE, "slow", is_closed=False)
    assert servers.in_order() == [TWO, ONE]
    servers.heard(ONE)
    assert servers.in_order() == [ONE, TWO]


def test_if_all_are_down_the_order_is_as_ever_and_that_is_told_once(servers, diagnostics):
    servers.missed(ONE, "refused", is_closed=True)
    assert diagnostics.events == []
    for _ in range(3):
        servers.missed(TWO, "refused", is_closed=True)
        servers.missed(ONE, "slow", is_closed=False)
    assert servers.in_order() == [ONE, TWO]
    assert diagnostics.events == ["resolver.down"]
    for _ in range(2):
        servers.heard(TWO)
    assert diagnostics.events == ["resolver.down", "resolver.back"]
    servers.missed(TWO, "refused", is_closed=True)
    assert diagnostics.events[2:] == ["resolver.down"]


def test_a_changed_list_is_read_again(tmp_path, clock, diagnostics):
    path = tmp_path / "resolv.conf"
    path.write_text("nameserver 192.0.2.1\n")
    servers = Nameservers([], path, clock, diagnostics)
    assert servers.in_order() == [ONE]
    servers.missed(ONE, "refused", is_closed=True)
    path.write_text("nameserver 192.0.2.1\nnameserver 192.0.2.2\n")
    assert servers.in_order() == [ONE]  # not looked at yet
    clock.advance(LOOK_SECONDS)
    assert servers.in_order() == [TWO, ONE]  # still down
    path.unlink()
    clock.advance(LOOK_SECONDS)
    assert servers.in_order() == [TWO, ONE]
    path.mkdir()  # there, and not to be read
    clock.advance(DOWN_SECONDS)
    assert servers.in_order() == [ONE, TWO]
    path.rmdir()
    path.write_text("nameserver 192.0.2.2\n")
    clock.advance(LOOK_SECONDS)
    assert servers.in_order() == [TWO]
    servers.heard(Nameserver(ONE.address, 5353))  # of a list that is gone


async def test_a_list_of_the_configuration_is_the_only_one(tmp_path, clock, diagnostics):
    path = tmp_path / "resolv.conf"
    path.write_text("nameserver 192.0.2.9\n")
    servers = Nameservers([TWO], path, clock, diagnostics)
    clock.advance(LOOK_SECONDS)
    path.write_text("nameserver 192.0.2.8\n")
    assert servers.in_order() == [TWO]


async def test_what_operators_hear(opened, context):
    """The nameserver is not there, and is there again."""
    async with ZoneServer() as server, trio.open_nursery() as nursery:
        port = server.port
        server.close()
        async with opened(server.address, attempts=1, failure_ttl="0s") as resolver:
            for _ in range(2):
                with pytest.raises(LookupFailed):
                    await resolver.a(NAME)
            assert context.diagnostics.events == ["resolver.down"]
            (line,) = context.diagnostics.lines
            assert line.facts["nameservers"] == [f"127.0.0.1 port {port}"]
            assert "refused" in line.facts["failure"]
            async with ZoneServer(port=port) as again:
                nursery.start_soon(again.serve)
                assert (await resolver.a(NAME)).records
        nursery.cancel_scope.cancel()
    assert context.diagnostics.events == ["resolver.down", "resolver.back"]
