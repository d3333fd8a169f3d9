"""How many connections may be open at the same time: in all, and from one address.

Rules of this file: it only counts and knows no socket and no clock. A flood from one network does
not keep the others out: a tenth of the total is kept for addresses that have no connection open.
"""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import Final

from thurn.types.session import PeerAddress

RESERVED_SHARE: Final = 10
"""Divisor of the total: one connection in ten is kept for addresses without an open one."""
SUBNET_BITS: Final = 64
"""Low bits of an IPv6 address that are ignored: one customer has a whole /64, so it counts as
one."""


class ConnectionLimits:
    """Counts open connections. After each `admit` that returned True there is one `release`.

    Args:
        total: most open connections.
        per_address: most open connections from one IPv4 address or IPv6 /64.

    Attributes:
        open: how many connections are open.
    """

    __slots__ = ("_by_address", "_per_address", "_shared", "_total", "open")

    def __init__(self, total: int = 10_000, per_address: int = 50) -> None:
        self.open = 0
        self._total = total
        self._shared = total - total // RESERVED_SHARE
        self._per_address = per_address
        self._by_address: dict[PeerAddress | int | None, int] = {}

    def admit(self, peer: PeerAddress | None) -> bool:
        """Count a connection from this peer; False if it is one too many.

        A peer of a unix socket (None) is bounded by the total only, because it is on this machine.
        """
        address = _counted_as(peer)
        open_there = self._by_address.get(address, 0)
        if open_there >= self._per_address and peer is not None:
            return False
        if self.open >= (self._shared if open_there else self._total):
            return False
        self._by_address[address] = open_there + 1
        self.open += 1
        return True

    def release(self, peer: PeerAddress | None) -> None:
        """Stop counting a connection that has ended."""
        address = _counted_as(peer)
        open_there = self._by_address.pop(address) - 1
        if open_there:
            self._by_address[address] = open_there
        self.open -= 1


def _counted_as(peer: PeerAddress | None) -> PeerAddress | int | None:
    return int(peer) >> SUBNET_BITS if isinstance(peer, IPv6Address) else peer
