"""The grant table: which sessions a grant covers, when it ends, and the table's bounds."""

from __future__ import annotations

from ipaddress import IPv6Network, ip_address

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn.plugin import AccountId, Address
from thurn_kit.grants import (
    TABLE,
    Grant,
    GrantTable,
    GrantTableFull,
    Limits,
    SessionSource,
    is_open,
    parse_network,
    parse_source,
)
from thurn_state_memory.state import MemoryState, Rows
from thurn_testing.fakes.clock import ManualClock
from thurn_testing.fakes.session import make_identity, make_session

ALICE, BOB = AccountId("alice"), AccountId("bob")
WHY = {"reason": "POP3 login", "granted_by": "login.popbeforesmtp", "lifetime_seconds": 1800}


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def state(clock):
    return MemoryState(Rows(), clock)


@pytest.fixture
def table(state, clock):
    return GrantTable(state, clock)


async def test_a_grant_is_found_with_its_values(table, clock):
    granted = await table.grant(
        ip_address("192.0.2.7"), account=ALICE, destinations=["B.example.", "a.example"], **WHY
    )
    clock.advance(300)
    [found] = await table.find(make_session(peer="192.0.2.7"))
    assert found == Grant(
        ip_address("192.0.2.7"),
        ALICE,
        ("a.example", "b.example"),
        "POP3 login",
        "login.popbeforesmtp",
        granted.granted_at,
        1500.0,
    )


@pytest.mark.parametrize(
    ("source", "covered", "not_covered"),
    [
        ("192.0.2.7", ["192.0.2.7"], ["192.0.2.70", "192.0.2.8", "::1", None]),
        ("::ffff:192.0.2.7", ["192.0.2.7"], ["192.0.2.8"]),
        ("127.0.0.1", ["127.0.0.1"], ["127.0.0.2", "::1"]),
        ("2001:db8::1", ["2001:db8::1"], ["2001:db8::2", "2001:db8:0:1::1"]),  # never the /64
        ("10.0.0.0/8", ["10.0.0.1", "10.255.255.255"], ["11.0.0.1", "2001:db8::1", None]),
        ("2001:db8::/64", ["2001:db8::1"], ["2001:db8:0:1::1", "10.0.0.1"]),
        ("::ffff:10.0.0.0/104", ["10.1.2.3"], ["11.0.0.1"]),
        ("192.0.2.7/32", ["192.0.2.7"], ["192.0.2.70"]),
    ],
)
async def test_which_peers_a_grant_covers(table, source, covered, not_covered):
    await table.grant(parse_source(source), **WHY)
    for peer in covered:
        assert await table.find(make_session(peer=peer))
    for peer in not_covered:
        assert not await table.find(make_session(peer=peer))


async def test_a_grant_ends_on_the_monotonic_clock_and_a_look_up_does_not_renew_it(table, clock):
    await table.grant(ip_address("192.0.2.7"), account=ALICE, **WHY)
    session = make_session(peer="192.0.2.7")
    clock.advance(1799)
    clock.set_wall(0)
    assert await table.find(session)
    clock.advance(1)
    assert not await table.find(session)
    assert not await table.entries()


async def test_granting_again_renews(table, clock):
    for _ in range(3):
        await table.grant(ip_address("192.0.2.7"), account=ALICE, **WHY)
        clock.advance(1799)
    [grant] = await table.find(make_session(peer="192.0.2.7"))
    assert grant.remaining_seconds == pytest.approx(1)


async def test_a_session_s_grant_is_for_that_login_alone(table):
    session = make_session(peer="192.0.2.7", identity=make_identity("alice"))
    await table.grant(SessionSource(session.id, "192.0.2.7"), account=ALICE, **WHY)
    assert [g.account for g in await table.find(session)] == ["alice"]
    assert not await table.find(make_session(peer="192.0.2.7"))
    assert not await table.find(make_session(peer="192.0.2.7", identity=make_identity("alice")))
    session.identity = make_identity("bob")
    assert not await table.find(session)
    session.identity = None  # as after STARTTLS
    assert not await table.find(session)
    with pytest.raises(ValueError, match="bound to its account"):
        await table.grant(SessionSource("x"), **WHY)


async def test_a_grant_itself_says_whom_it_covers(table):
    address = await table.grant(ip_address("192.0.2.7"), **WHY)
    assert address.covers(make_session(peer="::ffff:192.0.2.7"))
    assert not address.covers(make_session(peer="192.0.2.8"))
    assert not address.covers(make_session(peer=None))
    session = make_session(peer="192.0.2.7")
    own = await table.grant(SessionSource(session.id), account=ALICE, **WHY)
    assert not own.covers(session)
    session.identity = make_identity("alice")
    assert own.covers(session)


async def test_a_grant_bound_to_an_account_is_not_for_another_login(table):
    await table.grant(ip_address("192.0.2.7"), account=ALICE, **WHY)
    assert await table.find(make_session(peer="192.0.2.7", identity=make_identity("alice")))
    assert not await table.find(make_session(peer="192.0.2.7", identity=make_identity("bob")))


async def test_each_grantor_has_a_row(table, clock):
    address = ip_address("192.0.2.7")
    by_admin = {**WHY, "granted_by": "root", "lifetime_seconds": 7200}
    await table.grant(address, account=ALICE, **by_admin)
    await table.grant(address, account=ALICE, **WHY)
    assert len(await table.entries("address")) == 2
    assert await table.revoke(address, granted_by="nobody") == []
    assert await table.revoke(address, account=BOB) == []
    assert len(await table.revoke(address, granted_by="root")) == 1
    assert [g.granted_by for g in await table.entries()] == ["login.popbeforesmtp"]
    assert len(await table.revoke(address)) == 1
    assert await table.entries() == []


async def test_revoke_means_exactly_this_source(table):
    await table.grant(parse_network("10.0.0.0/8"), **WHY)
    await table.grant(ip_address("10.0.0.1"), **WHY)
    await table.grant(ip_address("10.0.0.10"), **WHY)
    assert [str(g.source) for g in await table.revoke(ip_address("10.0.0.1"))] == ["10.0.0.1"]
    assert sorted(str(g.source) for g in await table.entries()) == ["10.0.0.0/8", "10.0.0.10"]


@pytest.mark.parametrize(
    ("destinations", "recipient", "reached"),
    [
        ([], "x@anywhere.example", True),
        (["a.example"], "x@a.example", True),
        (["a.example"], "x@A.EXAMPLE", True),
        (["a.example"], "x@b.a.example", False),
        (["a.example"], "x@xa.example", False),
        (["a.example"], "x@a.example.org", False),
        (["*.a.example"], "x@b.a.example", True),
        (["*.a.example"], "x@c.b.a.example", True),
        (["*.a.example"], "x@a.example", False),
        (["*.a.example"], "x@xa.example", False),
        (["[192.0.2.1]"], "x@[192.0.2.1]", True),
        (["[192.0.2.1]"], "x@[192.0.2.2]", False),
        (["b\u00fccher.example"], "x@xn--bcher-kva.example", True),
    ],
)
async def test_destinations(table, destinations, recipient, reached):
    grant = await table.grant(ip_address("192.0.2.7"), destinations=destinations, **WHY)
    assert grant.reaches(Address.parse(recipient)) is reached


@pytest.mark.parametrize(
    "destination", ["", "*", "*.*.a", "a..b", "a b", "x@a.example", "10.0.0.1"]
)
async def test_a_destination_is_a_domain(table, destination):
    with pytest.raises(ValueError, match="is not a domain"):
        await table.grant(ip_address("192.0.2.7"), destinations=[destination], **WHY)
    assert await table.entries() == []


async def test_bounds_refuse_new_grants_and_renew_old_ones(state, clock):
    limits = Limits(addresses=5, networks=1, sessions=1, per_account=3, per_address=2)
    table = GrantTable(state, clock, limits=limits)

    async def login(address, account):
        await table.grant(ip_address(address), account=AccountId(account), **WHY)

    await login("192.0.2.1", "alice")
    await login("192.0.2.1", "bob")
    with pytest.raises(GrantTableFull, match=r"192\.0\.2\.1 already has 2"):
        await login("192.0.2.1", "carol")
    await login("192.0.2.2", "alice")
    await login("192.0.2.3", "alice")
    with pytest.raises(GrantTableFull, match="3 new grants for one account"):
        await login("192.0.2.4", "alice")
    await login("192.0.2.5", "carol")
    with pytest.raises(GrantTableFull, match="5 new grants for address sources by one grantor"):
        await login("192.0.2.6", "carol")
    clock.advance(1000)
    await login("192.0.2.1", "alice")  # a renewal is not a new row
    await table.grant(parse_network("10.0.0.0/8"), **WHY)  # each kind is counted separately
    await table.grant(SessionSource("s"), account=ALICE, **WHY)
    assert len(await table.entries()) == 7
    clock.advance(801)
    await login("192.0.2.6", "carol")


async def test_rows_that_cannot_be_read_grant_nothing(table, state):
    await table.grant(ip_address("192.0.2.7"), account=ALICE, **WHY)
    rows = state.table(TABLE)
    [row] = await rows.entries()
    values = [b"", b"\xff", b"[]", b"null", b'{"v":2}', row.value.replace(b'"v":1', b'"v":2')]
    for value in values:
        await rows.put(row.key, value, lifetime_seconds=60)
        assert not await table.find(make_session(peer="192.0.2.7"))
    assert await table.entries() == []
    await rows.put(row.key, row.value)  # a row without an end was not written by GrantTable
    assert not await table.find(make_session(peer="192.0.2.7"))
    for key in ("address/nonsense/1", "network/10.0.0.1/99/1", "network//", "x"):
        await rows.put(key, row.value, lifetime_seconds=60)
    assert not await table.find(make_session(peer="192.0.2.7"))


@pytest.mark.parametrize("lifetime", [0, -1, float("nan"), float("inf"), 1e9])
async def test_lifetimes_are_bounded(table, lifetime):
    with pytest.raises(ValueError, match="400 days"):
        await table.grant(ip_address("192.0.2.7"), **{**WHY, "lifetime_seconds": lifetime})


@pytest.mark.parametrize(
    ("networks", "open_to_all"),
    [
        ([], False),
        (["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "::1/128"], False),
        (["100.64.0.0/10", "fd00::/8", "fe80::/10"], False),
        (["8.0.0.0/8"], False),
        (["2a02::/19"], False),
        (["0.0.0.0/0"], True),
        (["::/0"], True),
        (["8.0.0.0/7"], True),
        (["0.0.0.0/1", "128.0.0.0/1"], True),
        (["8.0.0.0/8", "9.0.0.0/24"], True),  # by combination
        ([f"{first}.0.0.0/9" for first in range(11, 20)], True),
        (["2000::/3"], True),
        (["::ffff:0.0.0.0/96"], True),  # all of IPv4
    ],
)
def test_which_networks_are_open(networks, open_to_all):
    assert is_open([parse_network(text) for text in networks]) is open_to_all


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "10.0.0.1/8",
        "10.0.0.0/33",
        "10.0.0",
        "1.2.3.4/",
        "session:",
        "session:a/b",
        "session:" + "x" * 65,
        "2001:db8::/129",
        "0x7f000001",
        "127.1",
    ],
)
def test_texts_that_are_not_sources(text):
    with pytest.raises(ValueError):
        parse_source(text)


@given(st.ip_addresses(), st.text(max_size=40), st.text(max_size=40))
@settings(max_examples=50)
def test_grants_are_read_as_they_were_written(address, account, reason):
    async def there_and_back():
        clock = ManualClock()
        table = GrantTable(MemoryState(Rows(), clock), clock)
        bound = AccountId(account) if account else None
        await table.grant(address, account=bound, **{**WHY, "reason": reason})
        [found] = await table.entries()
        assert (found.account, found.reason) == (bound, reason)
        assert await table.find(make_session(peer=str(address))) == [found]

    trio.run(there_and_back)


def test_a_single_address_as_a_network():
    assert parse_network("2001:db8::1") == IPv6Network("2001:db8::1/128")


async def test_a_scope_is_not_a_part_of_an_address(table):
    """The address of a peer has no scope, so a grant with one would cover nobody."""
    await table.grant(parse_source("fe80::1%eth0"), **WHY)
    assert await table.find(make_session(peer="fe80::1"))
    assert await table.revoke(parse_source("fe80::1%eth0"))
    assert not await table.find(make_session(peer="fe80::1"))
