"""Follows an address to the accounts and foreign addresses that it stands for.

Rules of this file:
1. Depth and number are bounded, and an address that was followed already is not followed again.
2. A target in a domain of this site that nobody has is left out and journalled (ADR 0010). The
   other targets of the alias are served; if there is none, the recipient is unknown.
3. A target elsewhere keeps the host to which a directory routes it, if there is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from thurn.contracts.account import (
    Alias,
    Directory,
    Local,
    Resolution,
    Route,
    UnknownAddress,
)
from thurn.types.address import Address
from thurn.types.envelope import Recipient
from thurn.types.errors import TemporaryFailure
from thurn.types.session import JournalEntry, Target

ALIAS_TARGETS: Final = 1_000
"""Most addresses that one recipient may stand for; larger lists need a list manager."""
ALIAS_DEPTH: Final = 10
"""Most aliases that may lead to each other in a row; Postfix allows 1,000 addresses and a depth of
50."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """What an address means.

    Attributes:
        targets: where mail for it goes; empty if the address is unknown.
        foreign: no directory knows the address, and its domain is not this site's: the relay rules
            decide whether mail for it is accepted. The one target is the address itself.
        alias: the address stands for others, also if none of them is left.
    """

    targets: tuple[Target, ...]
    foreign: bool = False
    alias: bool = False


async def expand(directory: Directory, recipient: Recipient, journal: JournalEntry) -> Expansion:
    """Resolve a recipient; the journal names each target that is lost on the way.

    Raises:
        TemporaryFailure: the directory cannot answer, or the aliases exceed a bound.
    """
    first = await directory.resolve(recipient.address)
    if isinstance(first, UnknownAddress):
        if first.domain_is_ours:
            return Expansion(())
        return Expansion((Target(recipient, None),), foreign=True)
    targets: dict[object, Target] = {}
    seen = {recipient.address.key}
    level = _place(targets, recipient, recipient, first)
    for _ in range(ALIAS_DEPTH):
        if not level:
            return Expansion(tuple(targets.values()), alias=isinstance(first, Alias))
        following: list[tuple[Address, Address]] = []
        for alias, address in level:
            if address.key in seen:
                continue
            seen.add(address.key)
            if len(seen) > ALIAS_TARGETS:
                raise TemporaryFailure(f"{recipient.address} stands for too many addresses")
            resolution = await directory.resolve(address)
            if isinstance(resolution, UnknownAddress) and resolution.domain_is_ours:
                lost = {"reason": "alias.dangling", "detail": f"nobody here has {address}"}
                journal.stage("alias", str(alias), "lost", **lost)
            following += _place(targets, recipient, _led(recipient, address), resolution)
        level = following
    raise TemporaryFailure(f"{recipient.address} is an alias nested too deeply")


def _place(
    targets: dict[object, Target], recipient: Recipient, here: Recipient, resolution: Resolution
) -> list[tuple[Address, Address]]:
    """Add what one resolution says to the targets; returns the addresses to follow, each as a pair
    with the alias that names it before it."""
    match resolution:
        case Local(account, detail):
            targets.setdefault(account, Target(here, account, detail))
        case Alias(addresses):
            return [(here.address, address) for address in addresses]
        case Route(next_hop, onward):
            target = Target(_led(recipient, onward), None, next_hop=next_hop)
            targets.setdefault(onward.key, target)
        case UnknownAddress(domain_is_ours=False):
            targets.setdefault(here.address.key, Target(here, None))
    return []


def _led(recipient: Recipient, address: Address) -> Recipient:
    """The recipient with another address; it keeps the one that the peer named as its original."""
    return Recipient(address, recipient.parameters, recipient.original or recipient.address)
