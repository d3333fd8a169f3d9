"""The PROXY header, versions 1 and 2: what a proxy in front of a server says of the real peer.

    reader = HeaderReader()
    while reader.wanted:
        reader.receive_data(await receive(reader.wanted))    at least one octet, never more
    reader.value.source

header.py   the header as values
reader.py   octets to a header: never an octet of what follows it is taken
build.py    a header to octets: the proxy's side, and tests
limits.py   every limit with its reason; `checksum.py` has CRC32c

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
