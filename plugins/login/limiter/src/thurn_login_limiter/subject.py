"""What failures are counted for: addresses, IPv6 networks, and accounts at an address.

Rules of this file: a subject is the text that is its key in the tables. Names of accounts are in
keys only as keyed hashes, since people sometimes type their password where the name belongs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from ipaddress import IPv6Address, IPv6Network
from typing import Final
from unicodedata import normalize

from thurn.plugin import PeerAddress
from thurn_kit.sources import Network, exact

NETWORK_BITS: Final = 64
"""Bits of an IPv6 address that name its network: one customer has at least a /64. RFC 6177 §2."""
SHOWN_CHARACTERS: Final = 3
"""Characters of a failed login's name that are kept: enough to guess the account that was meant,
too few to give a password away."""


def subjects_of(peer: PeerAddress | None, trusted: Sequence[Network]) -> tuple[str, ...]:
    """The address and, for IPv6, its /64; empty for a unix socket and in a trusted network."""
    if peer is None:
        return ()
    address = exact(peer)
    if any(address in network for network in trusted):
        return ()
    if not isinstance(address, IPv6Address):
        return (str(address),)
    # The scope of fe80::1%eth0 names an interface here and is not a part of the network.
    without_scope = IPv6Address(int(address))
    return str(without_scope), str(network_of(without_scope))


def network_of(address: IPv6Address) -> IPv6Network:
    """The /64 of an address."""
    return IPv6Network((int(address) >> NETWORK_BITS << NETWORK_BITS, NETWORK_BITS))


def is_network(subject: str) -> bool:
    """Whether a subject is an IPv6 network."""
    return "/" in subject


def name_key(name: str, key: bytes) -> str:
    """The keyed hash of a name; spellings that differ in case or form only have the same."""
    text = normalize("NFKC", name).casefold()
    octets = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(octets, key=key, digest_size=16).hexdigest()


def shortened(name: str) -> str:
    """The first characters of a failed login's name; unprintable ones become a question mark."""
    shown = name[:SHOWN_CHARACTERS]
    text = "".join(character if character.isprintable() else "?" for character in shown)
    return text + "…" if len(name) > SHOWN_CHARACTERS else text
