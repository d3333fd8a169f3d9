"""What is counted: addresses, IPv6 networks, and accounts as seen from an address.

Rules of this file: a subject is the text that is its key in the tables; names of accounts are there
only as keyed hashes, since people type passwords where a name belongs.
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
"""Of an IPv6 address: what one customer has at least. RFC 6177 §2."""
SHOWN_CHARACTERS: Final = 3
"""Of a name that failed: enough to see which account was meant, too little for a password."""


def subjects_of(peer: PeerAddress | None, trusted: Sequence[Network]) -> tuple[str, ...]:
    """The address and, for IPv6, its /64; nothing for a unix socket and trusted networks."""
    if peer is None:
        return ()
    address = exact(peer)
    if any(address in network for network in trusted):
        return ()
    if not isinstance(address, IPv6Address):
        return (str(address),)
    # A scope (fe80::1%eth0) is of no network.
    plain = IPv6Address(int(address))
    return str(plain), str(network_of(plain))


def network_of(address: IPv6Address) -> IPv6Network:
    """Its /64."""
    return IPv6Network((int(address) >> NETWORK_BITS << NETWORK_BITS, NETWORK_BITS))


def is_network(subject: str) -> bool:
    """Whether a subject is an IPv6 network."""
    return "/" in subject


def name_key(name: str, key: bytes) -> str:
    """A name as a part of keys: spellings that look alike are one."""
    text = normalize("NFKC", name).casefold()
    octets = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(octets, key=key, digest_size=16).hexdigest()


def shortened(name: str) -> str:
    """A name that failed, as it is shown; what is no text of people is replaced."""
    shown = name[:SHOWN_CHARACTERS]
    text = "".join(character if character.isprintable() else "?" for character in shown)
    return text + "…" if len(name) > SHOWN_CHARACTERS else text
