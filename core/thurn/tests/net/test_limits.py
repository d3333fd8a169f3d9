"""The bounds of connections, as tables."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from thurn.net.limits import ConnectionLimits
from thurn.net.shares import CELLS, SharedCounts


def admitted(limits: ConnectionLimits, *addresses: str | None) -> list[bool]:
    return [limits.admit(ip_address(one) if one else None) for one in addresses]


@pytest.mark.parametrize(
    ("total", "per_address", "addresses", "answers"),
    [
        (100, 2, ["10.0.0.1"] * 3 + ["10.0.0.2"], [True, True, False, True]),
        # 20 in all: two are kept for addresses without a connection.
        (20, 50, ["10.0.0.1"] * 19 + ["10.0.0.2"] * 2, [True] * 18 + [False, True, False]),
        (20, 50, ["10.0.0.1"] * 18 + [f"10.0.1.{i}" for i in range(3)], [True] * 20 + [False]),
        # A small total has no reserve.
        (2, 50, ["10.0.0.1"] * 3, [True, True, False]),
        # IPv6 by /64.
        (100, 1, ["2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"], [True, False, True]),
        # A unix socket's peers have no address: only the total counts.
        (20, 1, [None] * 19, [True] * 18 + [False]),
    ],
)
def test_bounds(total, per_address, addresses, answers):
    assert admitted(ConnectionLimits(total, per_address), *addresses) == answers


def test_release_gives_back():
    limits = ConnectionLimits(10, 1)
    peer = IPv6Address("2001:db8::1")
    assert limits.admit(peer)
    assert not limits.admit(IPv6Address("2001:db8::2"))
    limits.release(peer)
    assert limits.open == 0
    assert limits.admit(IPv6Address("2001:db8::2"))


def test_a_flood_from_one_address_leaves_room_for_others():
    limits = ConnectionLimits()
    flood = IPv4Address("192.0.2.1")
    assert sum(limits.admit(flood) for _ in range(1000)) == 200
    assert limits.admit(IPv4Address("192.0.2.2"))


def workers_of(shared, per_address=3, listener="mx", total=100):
    return [
        ConnectionLimits(total, per_address, listener, shared.of_worker(number))
        for number in range(shared.workers)
    ]


def test_an_address_is_counted_over_all_workers():
    first, second = workers_of(SharedCounts(2))
    peer = ip_address("192.0.2.1")
    assert [first.admit(peer), second.admit(peer), first.admit(peer)] == [True] * 3
    assert not first.admit(peer)
    assert not second.admit(peer)
    assert second.reached == "connections_per_address"
    assert second.admit(ip_address("192.0.2.2"))
    first.release(peer)
    assert second.admit(peer)


def test_listeners_count_for_themselves():
    shared = SharedCounts(2)
    (mx, _), (_, imap) = workers_of(shared, 1), workers_of(shared, 1, "imap")
    peer = ip_address("2001:db8::1")
    assert mx.admit(peer)
    assert imap.admit(peer)


def test_the_total_is_the_setting_that_is_named():
    limits = ConnectionLimits(1, 10)
    assert admitted(limits, "192.0.2.1", "192.0.2.2") == [True, False]
    assert limits.reached == "connections"


def test_a_killed_worker_counts_no_more_when_another_takes_its_place():
    shared = SharedCounts(2)
    killed, other = workers_of(shared)
    peer = ip_address("192.0.2.1")
    assert [killed.admit(peer) for _ in range(3)] == [True] * 3
    assert not other.admit(peer)
    shared.of_worker(0)
    assert other.admit(peer)


def test_a_count_is_never_too_small():
    """None of many addresses has more than its bound; few of them are refused too early."""
    first, second = workers_of(SharedCounts(2), 2, total=10**6)
    peers = [IPv4Address(number) for number in range(1, CELLS // 4)]
    for peer in peers:
        first.admit(peer)
    seconds = sum(second.admit(peer) for peer in peers)
    assert not any(first.admit(peer) and second.admit(peer) for peer in peers[::7])
    assert seconds > 0.6 * len(peers)
