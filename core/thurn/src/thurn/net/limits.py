"""How many connections of a listener are open at once: in all, and from one address.

Rules of this file: pure counting, no socket and no clock. The total is the worker's; the bound of
an address holds over all workers (`thurn.net.shares`). A flood from one network costs the others
nothing: the last tenth of the total is kept for addresses that have no connection open.
"""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import Final

from thurn.net.shares import WorkerCounts
from thurn.types.session import PeerAddress

RESERVED_SHARE: Final = 10
"""Divisor of the total: one connection in ten is kept for addresses without an open one."""
SUBNET_BITS: Final = 64
"""Low bits of an IPv6 address that are ignored: one customer has a whole /64, so it counts as
one."""


class ConnectionLimits:
    """Counts open connections. After each `admit` that returned True there is one `release`.

    Args:
        total: most open connections in this worker.
        per_address: most open connections from one IPv4 address or IPv6 /64.
        listener: the listener's name.
        counts: of all workers; None: there is one.

    Attributes:
        reached: the setting whose bound the last refused connection has reached.
    """

    __slots__ = (
        "_by_address",
        "_counts",
        "_listener",
        "_per_address",
        "_shared",
        "_total",
        "open",
        "reached",
    )

    def __init__(
        self,
        total: int = 10_000,
        per_address: int = 200,
        listener: str = "",
        counts: WorkerCounts | None = None,
    ) -> None:
        self.open = 0
        self.reached = ""
        self._listener = listener
        self._counts = counts
        self._total = total
        self._shared = total - total // RESERVED_SHARE
        self._per_address = per_address
        self._by_address: dict[PeerAddress | int | None, int] = {}

    def admit(self, peer: PeerAddress | None) -> bool:
        """Count a connection from this peer; False if it is one too many.

        A peer of a unix socket (None) is bounded by the total only, because it is on this machine.
        """
        address = _counted_as(peer)
        open_here = self._by_address.get(address, 0)
        counts, key = self._counts, f"{self._listener} {address}"
        elsewhere = 0 if counts is None or peer is None else counts.elsewhere(key)
        if open_here + elsewhere >= self._per_address and peer is not None:
            self.reached = "connections_per_address"
            return False
        if self.open >= (self._shared if open_here else self._total):
            self.reached = "connections"
            return False
        self._by_address[address] = open_here + 1
        self.open += 1
        if counts is not None:
            counts.add(key, 1)
        return True

    def release(self, peer: PeerAddress | None) -> None:
        """Stop counting a connection that has ended."""
        address = _counted_as(peer)
        open_here = self._by_address.pop(address) - 1
        if open_here:
            self._by_address[address] = open_here
        self.open -= 1
        if self._counts is not None:
            self._counts.add(f"{self._listener} {address}", -1)


def _counted_as(peer: PeerAddress | None) -> PeerAddress | int | None:
    return int(peer) >> SUBNET_BITS if isinstance(peer, IPv6Address) else peer
