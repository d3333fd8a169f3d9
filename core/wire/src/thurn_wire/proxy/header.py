"""The PROXY header as values."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One end of the proxied connection."""

    address: IPv4Address | IPv6Address
    port: int

    def __str__(self) -> str:
        is_6 = isinstance(self.address, IPv6Address)
        return f"[{self.address}]:{self.port}" if is_6 else f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True)
class SecuredPeer:
    """TLS between the peer and the proxy: the type 0x20. PROXY protocol §2.2.6.

    Attributes:
        has_certificate: the peer presented a certificate, in this TLS session or an earlier one.
        is_verified: the certificate was verified; also True without one (`verify` is 0).
        version: such as "TLSv1.3"; "" if the proxy does not say.
        cipher: the cipher's name; "" if the proxy does not say.
        common_name: the common name in the certificate; "" if the proxy does not say.
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
        source: the real peer. None: the connection is the proxy's own (LOCAL, a health check), the
            proxy does not know the peer (UNKNOWN, UNSPEC), or the peer is on a unix socket or sent
            datagrams.
        destination: the address that the real peer connected to; None as for `source`.
        source_path: the real peer's unix socket; b"" if it is on another kind of socket or its
            socket has no name.
        destination_path: the unix socket that the real peer connected to; b"" as above.
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
    source_path: bytes = b""
    destination_path: bytes = b""
