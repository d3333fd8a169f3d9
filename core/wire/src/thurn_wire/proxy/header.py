"""What a PROXY header says."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One end of the proxied connection."""

    address: IPv4Address | IPv6Address
    port: int


@dataclass(frozen=True, slots=True)
class SecuredPeer:
    """TLS between the peer and the proxy: the type 0x20 (PROXY protocol §2.2.6).

    Attributes:
        has_certificate: the peer has shown a certificate, in this session or an earlier one.
        is_verified: the peer's certificate was verified; true without one, too (`verify` is 0).
        version: such as "TLSv1.3"; "" if the proxy does not say.
        cipher: the cipher's name; "" if the proxy does not say.
        common_name: of the peer's certificate; "" if the proxy does not say.
    """

    has_certificate: bool
    is_verified: bool
    version: str = ""
    cipher: str = ""
    common_name: str = ""


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """A PROXY header.

    Attributes:
        version: 1 or 2.
        source: the real peer. None: the connection is the proxy's own (LOCAL, a health check), or
            it does not know (UNKNOWN, UNSPEC), or the peer is on a unix socket or a datagram.
        destination: where the real peer connected to; None as above.
        is_local: the proxy speaks for itself (LOCAL).
        secured: TLS between the peer and the proxy; None without it.
        server_name: the name that the peer asked for (SNI); "" if the proxy does not say.
        alpn: the protocol that was chosen by ALPN; b"" if the proxy does not say.
    """

    version: int
    source: Endpoint | None = None
    destination: Endpoint | None = None
    is_local: bool = False
    secured: SecuredPeer | None = None
    server_name: str = ""
    alpn: bytes = b""
