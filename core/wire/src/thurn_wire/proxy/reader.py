"""Reads a PROXY header from a stream, without taking an octet that comes after it.

Rules of this file:
1. `wanted` never asks for more than the header still has, since what follows may be a TLS hello
   that somebody else reads.
2. A header is bounded (107 octets in version 1, `VERSION_2_OCTETS` in version 2); the first octet
   that cannot belong to one ends it.
3. Unknown types (TLVs) are skipped, as the protocol demands; a malformed one ends the header.

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

from thurn_wire.proxy.checksum import crc32c
from thurn_wire.proxy.header import Endpoint, ProxyHeader, SecuredPeer

SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
VERSION_1_OCTETS: Final = 107
"""Octets of the longest header of version 1, line end included. PROXY protocol §2.1."""
VERSION_2_OCTETS: Final = 4096
"""Octets of a header of version 2 that we take; the protocol allows 65,551, but addresses and all
types that it names have less than a kilobyte, but for certificates of unusual size."""
TEXT_OCTETS: Final = 255
"""Octets of a name, version or cipher that we keep."""

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
_ADDRESS_OCTETS: Final = {0x00: 0, 0x11: 12, 0x12: 12, 0x21: 36, 0x22: 36, 0x31: 216, 0x32: 216}
_ALPN, _AUTHORITY, _CRC, _SSL = 0x01, 0x02, 0x03, 0x20
_SSL_VERSION, _SSL_NAME, _SSL_CIPHER = 0x21, 0x22, 0x23
_CLIENT_SSL, _CLIENT_CERTIFICATES = 0x01, 0x06


class ProxyHeaderError(ValueError):
    """The octets are not a PROXY header, or a broken one: the connection cannot be trusted."""


class HeaderReader:
    """Reads one header.

    Attributes:
        value: the header, when `wanted` is 0.
    """

    def __init__(self) -> None:
        self._octets = b""
        self._wanted = _FIRST_OCTETS
        self.value: ProxyHeader | None = None

    @property
    def wanted(self) -> int:
        """How many octets may be read next; 0: the header is complete."""
        return self._wanted

    def receive_data(self, octets: bytes) -> None:
        """Take what has arrived: at least one octet, and not more than `wanted`.

        Raises:
            ProxyHeaderError: this is not a PROXY header, or the stream has ended (b"").
        """
        if not octets:
            raise ProxyHeaderError("the stream ended inside the PROXY header")
        if len(octets) > self._wanted:
            raise ValueError("more octets than were wanted")
        self._octets += octets
        if self._octets[0] == _V1_START[0]:
            self._go_on_1()
        else:
            self._go_on_2()

    def _go_on_1(self) -> None:
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

    def _go_on_2(self) -> None:
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
    if words[1:2] == [b"UNKNOWN"]:  # the rest must be ignored
        return ProxyHeader(1)
    kind = _KINDS.get(words[1]) if len(words) == 6 else None
    if kind is None:
        raise ProxyHeaderError("a PROXY line that names no TCP4, TCP6 or UNKNOWN connection")
    try:
        source, destination = (kind(word.decode("ascii")) for word in words[2:4])
    except (AddressValueError, UnicodeDecodeError) as error:
        raise ProxyHeaderError("a PROXY line with a malformed address") from error
    if isinstance(source, IPv6Address) and source.scope_id is not None:
        raise ProxyHeaderError("a PROXY line with a scoped address")
    return ProxyHeader(1, Endpoint(source, _port(words[4])), Endpoint(destination, _port(words[5])))


def _port(word: bytes) -> int:
    """§2.1: decimal, 0 to 65535, without leading zeros."""
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
    types = dict(_types(octets[_FIXED_OCTETS + size :]))
    _check(octets, _FIXED_OCTETS + size, types.get(_CRC))
    name = types.get(_AUTHORITY, b"")
    return ProxyHeader(
        2,
        source,
        destination,
        secured=_secured(types[_SSL]) if _SSL in types else None,
        server_name=_text(name),
        alpn=types.get(_ALPN, b""),
    )


def _endpoints(family: int, octets: bytes) -> tuple[Endpoint | None, Endpoint | None]:
    if family not in _FAMILIES:
        return None, None
    width, kind = _FAMILIES[family]
    source, destination, port, other = struct.unpack(f"!{width}s{width}sHH", octets)
    return Endpoint(kind(source), port), Endpoint(kind(destination), other)


def _types(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """The TLVs; of one that comes twice the last counts."""
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
    """§2.2.3: the checksum is of the whole header with zeros in its own place."""
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
