"""The sources of grants (addresses, networks, sessions) and their destinations (domains).

Rules of this file: addresses are exact, and IPv4-mapped ones are IPv4; networks have no bits set
behind their length; domains are in the normal form of `thurn_message.address`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
    ip_address,
    ip_network,
)
from typing import Annotated, Any, Final, TypeAlias

from pydantic import BeforeValidator
from thurn.plugin import PeerAddress
from thurn_message.address import AddressError, parse_domain, parse_literal

DESTINATIONS: Final = 100
"""Destinations of one grant; a site that needs more grants everywhere, or writes a rule."""
OPEN_IPV4_ADDRESSES: Final = 2**24
"""Public IPv4 addresses up to which networks are a site's own: a /8, more than any site has."""
OPEN_IPV6_ADDRESSES: Final = 2 ** (128 - 16)
"""Public IPv6 addresses up to which networks are a site's own: a /16. The largest allocation to
one operator is a /19."""
ALL_OF_IPV4: Final = tuple(map(IPv6Network, ("64:ff9b::/96", "2002::/16", "2001::/32")))
"""IPv6 networks that contain every IPv4 peer, by NAT64, 6to4 and Teredo. RFC 6052, RFC 3056,
RFC 4380."""
MAPPED_BITS: Final = 96
"""Bits before the IPv4 address in an IPv4-mapped IPv6 address. RFC 4291 §2.5.5.2."""

Network: TypeAlias = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class SessionSource:
    """One session by its id; `peer` is its address, for people only."""

    id: str
    peer: str = ""

    def __str__(self) -> str:
        return f"session:{self.id}"


Source: TypeAlias = PeerAddress | Network | SessionSource


def exact(address: PeerAddress) -> PeerAddress:
    """The address in the form of grants and bans.

    An IPv4-mapped address becomes IPv4. A scope (`fe80::1%eth0`) is left out, since the address of
    a peer has none.
    """
    if isinstance(address, IPv4Address):
        return address
    if address.scope_id is not None:
        address = IPv6Address(int(address))
    mapped = address.ipv4_mapped
    return address if mapped is None else mapped


def parse_source(text: str) -> Source:
    """The source that a text names: an address, a network (`192.0.2.0/24`), or `session:ID`.

    Raises:
        ValueError: the text is none of them, or a network with bits set behind its length.
    """
    if text.startswith("session:"):
        identifier = text.removeprefix("session:")
        if not (identifier.isascii() and identifier.isalnum() and len(identifier) <= 64):
            raise ValueError("a session's id has only letters and digits, at most 64")
        return SessionSource(identifier)
    if "/" not in text:
        return exact(ip_address(text))
    return parse_network(text)


def parse_network(text: str) -> Network:
    """The network that a text names; an address is a network of one, IPv4-mapped ones are IPv4.

    Raises:
        ValueError: the text is not a network, or has bits set behind its length.
    """
    network = ip_network(text, strict=True)
    if isinstance(network, IPv6Network) and network.prefixlen >= MAPPED_BITS:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - MAPPED_BITS))
    return network


def _setting(value: Any) -> Any:  # noqa: ANN401 - pydantic hands over whatever TOML had
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    if not isinstance(value, str):  # ip_network would take 5 for 0.0.0.5
        raise ValueError(f'{value!r} is not a text; write "192.0.2.0/24" or an address')  # noqa: TRY004 - pydantic wants ValueError
    try:
        return parse_network(value)
    except ValueError as error:
        raise ValueError(
            f'{error}; write a network ("192.0.2.0/24", "2001:db8::/32") or an address'
        ) from error


NetworkSetting: TypeAlias = Annotated[
    Network, BeforeValidator(_setting, json_schema_input_type=str)
]
"""A field of settings for a network, which is written as text."""


def is_open(networks: Iterable[Network]) -> bool:
    """Whether these networks together are larger than those of any site.

    Permission for them, whether in one grant or in several, would make an open relay.
    """
    all_networks = list(networks)
    ipv4 = collapse_addresses(n for n in all_networks if isinstance(n, IPv4Network))
    ipv6_networks = [n for n in all_networks if isinstance(n, IPv6Network)]
    public_ipv4 = sum(n.num_addresses for n in ipv4 if not n.is_private)
    public_ipv6 = sum(
        n.num_addresses for n in collapse_addresses(ipv6_networks) if not n.is_private
    )
    has_all_of_ipv4 = any(part.subnet_of(n) for n in ipv6_networks for part in ALL_OF_IPV4)
    return has_all_of_ipv4 or public_ipv4 > OPEN_IPV4_ADDRESSES or public_ipv6 > OPEN_IPV6_ADDRESSES


def parse_destinations(texts: Collection[str]) -> tuple[str, ...]:
    """Destinations in normal form, sorted: domains, `*.domain` (the domains below), literals.

    Raises:
        ValueError: there are too many, or one is not a domain.
    """
    if len(texts) > DESTINATIONS:
        raise ValueError(f"a grant has up to {DESTINATIONS} destinations")
    return tuple(sorted({_destination(text) for text in texts}))


def _destination(text: str) -> str:
    try:
        if text.startswith("["):
            return parse_literal(text)
        below = "*." if text.startswith("*.") else ""
        return below + parse_domain(text.removeprefix("*."))
    except AddressError as error:
        raise ValueError(f"{text!r} is not a domain: {error.reason}") from None
