"""The PROXY header, versions 1 and 2: what a proxy in front of us says of the real peer.

    header = HeaderReader()
    while header.wanted:
        header.receive_data(await receive_exactly_or_less(header.wanted))
    header.value.source

Reading order: `header` (what is said), `reader` (reading it, never an octet too many), `build`
(writing it, for tests and clients), `checksum` (CRC32c).

Source: "The PROXY protocol, versions 1 & 2", revision of 2023 (haproxy, doc/proxy-protocol.txt).
"""

from thurn_wire.proxy.build import build_version_1, build_version_2
from thurn_wire.proxy.header import Endpoint, ProxyHeader, SecuredPeer
from thurn_wire.proxy.reader import HeaderReader, ProxyHeaderError

__all__ = [
    "Endpoint",
    "HeaderReader",
    "ProxyHeader",
    "ProxyHeaderError",
    "SecuredPeer",
    "build_version_1",
    "build_version_2",
]
