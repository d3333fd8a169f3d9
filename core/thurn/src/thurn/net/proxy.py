"""Connections from a proxy (HAProxy, stunnel, a load balancer): who the real peer is.

Rules of this file:
1. Only listed proxies are believed, and each of their connections must begin with a PROXY header. A
   connection without one, or with a broken one, is closed without an answer.
2. A header that does not name the peer closes the connection, too: rules would take the proxy for
   the peer and permit what only the proxy itself may do. A connection of the proxy itself (LOCAL, a
   health check) goes on with the proxy's address.
3. TLS that ends at the proxy counts as encryption (`TlsState.at_proxy`), because a site that lists
   a proxy says that the way from it is safe. Nothing can be bound to that TLS channel.

PROXY protocol §2, §4.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_network

from thurn_wire.proxy import HeaderReader, ProxyHeader, ProxyHeaderError

from thurn.net.connection import ConnectionLost, SocketConnection
from thurn.types.session import PeerAddress, TlsState


class ProxyFailed(ConnectionLost):
    """A listed proxy sent no PROXY header, a broken one, or one that does not name the peer."""


class Proxies:
    """The proxies of one listener.

    Args:
        named: the entries of `ListenerSettings.proxies`: networks, or "unix".
    """

    __slots__ = ("_networks", "_unix")

    def __init__(self, named: Sequence[str]) -> None:
        self._unix = "unix" in named
        self._networks = tuple(ip_network(one) for one in named if one != "unix")

    def has(self, peer: PeerAddress | None) -> bool:
        """Whether connections from this address begin with a header; None is a unix socket."""
        if peer is None:
            return self._unix
        return any(peer in network for network in self._networks if network.version == peer.version)


async def read_proxy_header(connection: SocketConnection) -> None:
    """Read the header and not an octet more, and set the connection's real peer.

    Raises:
        ProxyFailed: there is no header, it is broken, or it does not name the peer.
        ConnectionLost: the proxy has gone.
    """
    reader = HeaderReader()
    try:
        while reader.wanted:
            reader.receive_data(await connection.receive(reader.wanted))
    except ProxyHeaderError as error:
        raise ProxyFailed(str(error)) from error
    if reader.value is not None and not reader.value.is_local:
        _apply(reader.value, connection)


def _apply(header: ProxyHeader, connection: SocketConnection) -> None:
    if header.source is None:
        raise ProxyFailed("the proxy does not say whose connection it is")
    address = header.source.address
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        connection.peer = address.ipv4_mapped
    else:
        connection.peer = address
    connection.peer_port = header.source.port
    if header.destination is not None:
        connection.local_port = header.destination.port
    if header.secured is not None:
        connection.tls = TlsState(
            header.secured.version or "TLS",
            header.secured.cipher,
            header.server_name or None,
            at_proxy=True,
        )
