"""The bounds of connections, as tables."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from thurn.net.limits import ConnectionLimits


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
    assert sum(limits.admit(flood) for _ in range(1000)) == 50
    assert limits.admit(IPv4Address("192.0.2.2"))
