"""Follows an address to the accounts and foreign addresses that it stands for.

Rules of this file:
1. Depth and number are bounded and rings are cut: an alias file is the site's data, not a program.
2. A target at a domain of ours that nobody has is passed over and journalled (ADR 0010): the rest
   of the alias is served, and an alias of which nothing is left is an unknown recipient.
3. A target elsewhere keeps the host to which a directory routes it; without one it is the world's.
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
"""The largest number of addresses that one recipient may stand for; larger lists need a list
manager."""
ALIAS_DEPTH: Final = 10
"""The deepest nesting of aliases; Postfix allows 1,000 by expansion and 50 by nesting."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """What an address means.

    Attributes:
        targets: where mail for it goes; empty when the address is unknown.
        foreign: nobody here knows the address and its domain is not ours: the relay chain decides
            whether mail for it is taken. The one target is the address itself.
        alias: the address stands for others, even where none of them is left.
    """

    targets: tuple[Target, ...]
    foreign: bool = False
    alias: bool = False


async def expand(directory: Directory, recipient: Recipient, journal: JournalEntry) -> Expansion:
    """Resolve a recipient; the journal names each target that is lost on the way.

    Raises:
        TemporaryFailure: the directory cannot answer, or an alias is past the bounds.
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
    """Add what one resolution says to the targets; returns the addresses to follow, each behind
    the alias that names it."""
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
    """The recipient at another address, which remembers the one that the peer named."""
    return Recipient(address, recipient.parameters, recipient.original or recipient.address)
