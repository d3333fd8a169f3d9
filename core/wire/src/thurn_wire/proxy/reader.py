"""Octets to a PROXY header, without taking an octet that comes after it.

Rules of this file:
1. `wanted` never asks for more than the header still has, since what follows may be a TLS hello
   that somebody else reads.
2. A header is bounded (`limits`); the first octet that cannot belong to one is an error at once.
3. Unknown types (TLVs) are skipped, as the protocol requires; a malformed one is an error.

    version 1 = "PROXY " ( "UNKNOWN" *any / family SP address SP address SP port SP port ) CRLF
    family    = "TCP4" / "TCP6"
    version 2 = signature %x20-21 family length *( address *TLV )
    TLV       = type length value                ; one octet, two octets, as many octets

PROXY protocol §2.1, §2.2.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

from thurn_wire.error import LocalProtocolError, RemoteProtocolError
from thurn_wire.proxy.checksum import crc32c
from thurn_wire.proxy.header import Endpoint, ProxyHeader, SecuredPeer
from thurn_wire.proxy.limits import TEXT_OCTETS, VERSION_1_OCTETS, VERSION_2_OCTETS

SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
"""The first octets of a header of version 2. PROXY protocol §2.2."""
UNIX_PATH_OCTETS: Final = 108
"""Octets of each path in the address block of a unix socket. PROXY protocol §2.2."""

_FIRST_OCTETS: Final = 12
"""Octets that every header has at least: the signature; the shortest line has 15."""
_FIXED_OCTETS: Final = 16
_V1_START: Final = b"PROXY "
_KINDS: Final[dict[bytes, type[IPv4Address] | type[IPv6Address]]] = {
    b"TCP4": IPv4Address,
    b"TCP6": IPv6Address,
}
_FAMILIES: Final[dict[int, tuple[int, type[IPv4Address] | type[IPv6Address]]]] = {
    0x11: (4, IPv4Address),
    0x21: (16, IPv6Address),
}
_UNIX_STREAM: Final = 0x31
_ADDRESS_OCTETS: Final = {0x00: 0, 0x11: 12, 0x12: 12, 0x21: 36, 0x22: 36, 0x31: 216, 0x32: 216}
_ALPN, _AUTHORITY, _CRC, _SSL = 0x01, 0x02, 0x03, 0x20
_SSL_VERSION, _SSL_NAME, _SSL_CIPHER = 0x21, 0x22, 0x23
_CLIENT_SSL, _CLIENT_CERTIFICATES = 0x01, 0x06


class ProxyHeaderError(RemoteProtocolError):
    """The octets are not a PROXY header, or are a broken one: close the connection."""


class HeaderReader:
    """Reads one header.

    Attributes:
        value: the header; None until `wanted` is 0.
    """

    __slots__ = ("_octets", "_wanted", "value")

    def __init__(self) -> None:
        self._octets = b""
        self._wanted = _FIRST_OCTETS
        self.value: ProxyHeader | None = None

    @property
    def wanted(self) -> int:
        """The most octets that may be received next; 0: the header is whole."""
        return self._wanted

    def receive_data(self, octets: bytes) -> None:
        """Take what has come: at least one octet, and at most `wanted`.

        Raises:
            ProxyHeaderError: this is not a PROXY header, or the stream has ended (b"").
            LocalProtocolError: more octets than `wanted`.
        """
        if len(octets) > self._wanted:
            raise LocalProtocolError("more octets than were wanted")
        if not octets:
            raise ProxyHeaderError("the stream ended inside the PROXY header")
        self._octets += octets
        if self._octets[0] == _V1_START[0]:
            self._read_version_1()
        else:
            self._read_version_2()

    def _read_version_1(self) -> None:
        octets = self._octets
        if not octets.startswith(_V1_START[: len(octets)]):
            raise ProxyHeaderError("neither a PROXY line nor a PROXY signature")
        line, end, _ = octets.partition(b"\r\n")
        if end:
            self.value, self._wanted = _parse_line(line), 0
        elif len(octets) >= VERSION_1_OCTETS:
            raise ProxyHeaderError(f"a PROXY line of more than {VERSION_1_OCTETS} octets")
        elif len(octets) < _FIRST_OCTETS:
            self._wanted = _FIRST_OCTETS - len(octets)
        else:  # CRLF is still to come, or its LF
            self._wanted = 1 if octets.endswith(b"\r") else 2
            self._wanted = min(self._wanted, VERSION_1_OCTETS - len(octets))

    def _read_version_2(self) -> None:
        octets = self._octets
        if not octets.startswith(SIGNATURE[: len(octets)]):
            raise ProxyHeaderError("neither a PROXY line nor a PROXY signature")
        if len(octets) < _FIXED_OCTETS:
            self._wanted = _FIXED_OCTETS - len(octets)
            return
        size = _FIXED_OCTETS + int.from_bytes(octets[14:16], "big")
        if size > VERSION_2_OCTETS:
            raise ProxyHeaderError(f"a PROXY header of more than {VERSION_2_OCTETS} octets")
        self._wanted = size - len(octets)
        if not self._wanted:
            self.value = _parse_binary(octets)


def _parse_line(line: bytes) -> ProxyHeader:
    words = line.split(b" ")
    if words[1:2] == [b"UNKNOWN"]:  # §2.1: the rest must be ignored
        return ProxyHeader(1)
    kind = _KINDS.get(words[1]) if len(words) == 6 else None
    if kind is None:
        raise ProxyHeaderError("a PROXY line without TCP4, TCP6 or UNKNOWN, or with wrong words")
    try:
        source, destination = (kind(word.decode("ascii")) for word in words[2:4])
    except (AddressValueError, UnicodeDecodeError) as error:
        raise ProxyHeaderError("a PROXY line with a malformed address") from error
    if b"%" in line:
        raise ProxyHeaderError("a PROXY line with a scoped address")
    return ProxyHeader(1, Endpoint(source, _port(words[4])), Endpoint(destination, _port(words[5])))


def _port(word: bytes) -> int:
    """A port: decimal, 0 to 65535, without leading zeros. PROXY protocol §2.1."""
    if not word.isdigit() or len(word) > 5 or (word[:1] == b"0" and word != b"0"):
        raise ProxyHeaderError("a PROXY line with a malformed port")
    port = int(word)
    if port > 65_535:
        raise ProxyHeaderError("a PROXY line with a malformed port")
    return port


def _parse_binary(octets: bytes) -> ProxyHeader:
    command, family = octets[12], octets[13]
    if command == 0x20:  # §2.2: LOCAL; the rest must be skipped, whatever it is
        return ProxyHeader(2, is_local=True)
    if command != 0x21:
        raise ProxyHeaderError("a PROXY header of another version or command")
    size = _ADDRESS_OCTETS.get(family)
    if size is None or len(octets) < _FIXED_OCTETS + size:
        raise ProxyHeaderError("a PROXY header of an unknown family, or cut short")
    addresses = octets[_FIXED_OCTETS : _FIXED_OCTETS + size]
    source, destination = _endpoints(family, addresses)
    source_path, destination_path = _paths(family, addresses)
    types = dict(_types(octets[_FIXED_OCTETS + size :]))
    _check(octets, _FIXED_OCTETS + size, types.get(_CRC))
    return ProxyHeader(
        2,
        source,
        destination,
        secured=_secured(types[_SSL]) if _SSL in types else None,
        server_name=_text(types.get(_AUTHORITY, b"")),
        alpn=types.get(_ALPN, b""),
        source_path=source_path,
        destination_path=destination_path,
    )


def _endpoints(family: int, octets: bytes) -> tuple[Endpoint | None, Endpoint | None]:
    if family not in _FAMILIES:
        return None, None
    width, kind = _FAMILIES[family]
    source, destination, port, other = struct.unpack(f"!{width}s{width}sHH", octets)
    return Endpoint(kind(source), port), Endpoint(kind(destination), other)


def _paths(family: int, octets: bytes) -> tuple[bytes, bytes]:
    """The paths of a unix stream socket, up to their first NUL."""
    if family != _UNIX_STREAM:
        return b"", b""
    source, _, _ = octets[:UNIX_PATH_OCTETS].partition(b"\0")
    destination, _, _ = octets[UNIX_PATH_OCTETS:].partition(b"\0")
    return source, destination


def _types(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """The types with their values (TLVs), in order; of two of one type the last one counts."""
    position = 0
    while position < len(octets):
        if position + 3 > len(octets):
            raise ProxyHeaderError("a PROXY header with a type that is cut short")
        size = int.from_bytes(octets[position + 1 : position + 3], "big")
        value = octets[position + 3 : position + 3 + size]
        if len(value) < size:
            raise ProxyHeaderError("a PROXY header with a type that is cut short")
        yield octets[position], value
        position += 3 + size


def _check(octets: bytes, start: int, stated: bytes | None) -> None:
    """Check CRC32c, which is of the whole header with zeros in its own place. §2.2.3."""
    if stated is None:
        return
    if len(stated) != 4:
        raise ProxyHeaderError("a PROXY header with a malformed checksum")
    position = start
    while octets[position] != _CRC:
        position += 3 + int.from_bytes(octets[position + 1 : position + 3], "big")
    zeroed = octets[: position + 3] + bytes(4) + octets[position + 7 :]
    if crc32c(zeroed) != int.from_bytes(octets[position + 3 : position + 7], "big"):
        raise ProxyHeaderError("a PROXY header whose checksum is wrong")


def _secured(octets: bytes) -> SecuredPeer | None:
    if len(octets) < 5:
        raise ProxyHeaderError("a PROXY header with a malformed TLS type")
    client, verify = struct.unpack("!BI", octets[:5])
    if not client & _CLIENT_SSL:
        return None
    types = dict(_types(octets[5:]))
    return SecuredPeer(
        has_certificate=bool(client & _CLIENT_CERTIFICATES),
        is_verified=verify == 0,
        version=_text(types.get(_SSL_VERSION, b"")),
        cipher=_text(types.get(_SSL_CIPHER, b"")),
        common_name=_text(types.get(_SSL_NAME, b"")),
    )


def _text(octets: bytes) -> str:
    text = octets[:TEXT_OCTETS].decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "?" for c in text)
