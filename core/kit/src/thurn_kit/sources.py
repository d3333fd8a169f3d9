"""From where and to what a grant is: addresses, networks, sessions; domains.

Rules: addresses are exact and IPv4-mapped ones are IPv4; networks have no bits behind their
length; domains are in the one normal form of `thurn_message.address`.
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
"""Of one grant; whoever needs more grants everything, or writes a rule."""
OPEN_IPV4_ADDRESSES: Final = 2**24
"""More public addresses than a /8 are nobody's own network."""
OPEN_IPV6_ADDRESSES: Final = 2 ** (128 - 16)
"""The largest allocations to one operator are /19; wider than a /16 is the Internet."""
ALL_OF_IPV4: Final = tuple(map(IPv6Network, ("64:ff9b::/96", "2002::/16", "2001::/32")))
"""As seen through NAT64, 6to4 and Teredo: everybody. RFC 6052, RFC 3056, RFC 4380."""
MAPPED_BITS: Final = 96
"""Before the IPv4 address in an IPv4-mapped one. RFC 4291 §2.5.5.2."""

Network: TypeAlias = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class SessionSource:
    """One session by its id; `peer` says where it comes from, for people only."""

    id: str
    peer: str = ""

    def __str__(self) -> str:
        return f"session:{self.id}"


Source: TypeAlias = PeerAddress | Network | SessionSource


def exact(address: PeerAddress) -> PeerAddress:
    """The address as grants and bans know it: IPv4-mapped is IPv4, and a scope (`fe80::1%eth0`)
    is left out, as it is of a peer's address."""
    if isinstance(address, IPv4Address):
        return address
    if address.scope_id is not None:
        address = IPv6Address(int(address))
    mapped = address.ipv4_mapped
    return address if mapped is None else mapped


def parse_source(text: str) -> Source:
    """An address, a network (`192.0.2.0/24`), or `session:ID`.

    Raises:
        ValueError: none of them, or a network with bits set behind its length.
    """
    if text.startswith("session:"):
        identifier = text.removeprefix("session:")
        if not (identifier.isascii() and identifier.isalnum() and len(identifier) <= 64):
            raise ValueError("a session's id has letters and digits")
        return SessionSource(identifier)
    if "/" not in text:
        return exact(ip_address(text))
    return parse_network(text)


def parse_network(text: str) -> Network:
    """A network; a single address is one of its own; IPv4-mapped networks are IPv4.

    Raises:
        ValueError: it is none, or has bits set behind its length.
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
        raise ValueError(f'{value!r} is not a text; a network is "192.0.2.0/24" or an address')  # noqa: TRY004 - pydantic wants ValueError
    try:
        return parse_network(value)
    except ValueError as error:
        raise ValueError(
            f'{error}; a network is "192.0.2.0/24", "2001:db8::/32" or an address'
        ) from error


NetworkSetting: TypeAlias = Annotated[
    Network, BeforeValidator(_setting, json_schema_input_type=str)
]
"""A field of settings that is a network, written as text."""


def is_open(networks: Iterable[Network]) -> bool:
    """Whether these networks together are more than anybody's own: granting them, one by one or
    at once, would open the relay to the Internet."""
    given = list(networks)
    four = collapse_addresses(n for n in given if isinstance(n, IPv4Network))
    six = collapse_addresses(n for n in given if isinstance(n, IPv6Network))
    public_four = sum(n.num_addresses for n in four if not n.is_private)
    public_six = sum(n.num_addresses for n in six if not n.is_private)
    seen = any(
        part.subnet_of(n) for n in given if isinstance(n, IPv6Network) for part in ALL_OF_IPV4
    )
    return seen or public_four > OPEN_IPV4_ADDRESSES or public_six > OPEN_IPV6_ADDRESSES


def parse_destinations(texts: Collection[str]) -> tuple[str, ...]:
    """Destinations in normal form, sorted: domains, `*.domain` (those below it), literals.

    Raises:
        ValueError: too many, or one that is no domain.
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
        raise ValueError(f"{text!r} is no domain: {error.reason}") from None
