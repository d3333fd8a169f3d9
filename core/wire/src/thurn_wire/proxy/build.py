"""A header to octets: the proxy's side, and what tests need.

Rules of this file: what leaves here is read as the same header; a header that cannot be written is
a `LocalProtocolError`.

PROXY protocol §2.1, §2.2.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

from thurn_wire.error import LocalProtocolError
from thurn_wire.proxy.checksum import crc32c
from thurn_wire.proxy.header import ProxyHeader, SecuredPeer
from thurn_wire.proxy.reader import SIGNATURE, UNIX_PATH_OCTETS


def build_version_1(header: ProxyHeader) -> bytes:
    """The line of a header; it is UNKNOWN without a source.

    Raises:
        LocalProtocolError: source and destination are of different families.
    """
    source, destination = header.source, header.destination
    if source is None or destination is None:
        return b"PROXY UNKNOWN\r\n"
    _check_families(header)
    family = "TCP4" if isinstance(source.address, IPv4Address) else "TCP6"
    words = ("PROXY", family, source.address, destination.address, source.port, destination.port)
    return " ".join(map(str, words)).encode("ascii") + b"\r\n"


def build_version_2(header: ProxyHeader, *, with_checksum: bool = True) -> bytes:
    """The octets of a header; its family is UNSPEC without a source.

    Raises:
        LocalProtocolError: source and destination are of different families, or a path is too
            long.
    """
    family, addresses = _addresses(header)
    types = b""
    if header.alpn:
        types += _type(0x01, header.alpn)
    if header.server_name:
        types += _type(0x02, header.server_name.encode())
    if header.secured is not None:
        types += _type(0x20, _secured(header.secured))
    checksum = _type(0x03, bytes(4)) if with_checksum else b""
    command = 0x20 if header.is_local else 0x21
    size = len(addresses) + len(types) + len(checksum)
    octets = SIGNATURE + struct.pack("!BBH", command, family, size) + addresses + types + checksum
    return octets[:-4] + crc32c(octets).to_bytes(4, "big") if with_checksum else octets


def _addresses(header: ProxyHeader) -> tuple[int, bytes]:
    """Family and address block. PROXY protocol §2.2."""
    source, destination = header.source, header.destination
    if source is not None and destination is not None:
        _check_families(header)
        family = 0x11 if isinstance(source.address, IPv4Address) else 0x21
        ports = struct.pack("!HH", source.port, destination.port)
        return family, source.address.packed + destination.address.packed + ports
    paths = (header.source_path, header.destination_path)
    if not any(paths):
        return 0x00, b""
    if max(map(len, paths)) > UNIX_PATH_OCTETS:
        raise LocalProtocolError(f"a path of more than {UNIX_PATH_OCTETS} octets")
    return 0x31, b"".join(path.ljust(UNIX_PATH_OCTETS, b"\0") for path in paths)


def _check_families(header: ProxyHeader) -> None:
    source, destination = header.source, header.destination
    if source is None or destination is None:
        return
    if source.address.version != destination.address.version:
        raise LocalProtocolError("source and destination are of different families")


def _secured(secured: SecuredPeer) -> bytes:
    client = 0x01 | (0x02 if secured.has_certificate else 0)
    octets = struct.pack("!BI", client, 0 if secured.is_verified else 1)
    for kind, text in (
        (0x21, secured.version),
        (0x22, secured.common_name),
        (0x23, secured.cipher),
    ):
        if text:
            octets += _type(kind, text.encode())
    return octets


def _type(kind: int, value: bytes) -> bytes:
    return bytes([kind]) + len(value).to_bytes(2, "big") + value
