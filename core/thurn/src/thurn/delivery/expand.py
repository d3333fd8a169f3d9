"""Follows an address to the accounts and foreign addresses that it stands for.

Bounded in depth and number, rings are cut: an alias file is the site's data, not a program. A
target at a domain of ours that is nobody is passed over, and told (ADR 0010): the rest of the alias
is served; one of which nothing is left is an unknown recipient.
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
"""Addresses that one recipient may stand for; larger lists want a list manager."""
ALIAS_DEPTH: Final = 10
"""Aliases of aliases; Postfix allows 1,000 by expansion and 50 by nesting."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """What an address means.

    Attributes:
        targets: where mail for it goes; empty when it is unknown.
        foreign: nobody here knows it, and its domain is not ours: the relay chain decides.
        alias: it stands for others, even where nobody of them is left.
    """

    targets: tuple[Target, ...]
    foreign: bool = False
    alias: bool = False


async def expand(directory: Directory, recipient: Recipient, journal: JournalEntry) -> Expansion:
    """Resolve a recipient; what is lost on the way is in the journal.

    Raises:
        TemporaryFailure: a directory in trouble, or an alias past the bounds.
    """
    first = await directory.resolve(recipient.address)
    if isinstance(first, UnknownAddress):
        return Expansion((), foreign=not first.domain_is_ours)
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
            known = await directory.resolve(address)
            if isinstance(known, UnknownAddress) and known.domain_is_ours:
                lost = {"reason": "alias.dangling", "detail": f"{address} is nobody here"}
                journal.stage("alias", str(alias), "lost", **lost)
            following += _place(targets, recipient, _led(recipient, address), known)
        level = following
    raise TemporaryFailure(f"{recipient.address} is an alias nested too deeply")


def _place(
    targets: dict[object, Target], recipient: Recipient, here: Recipient, known: Resolution
) -> list[tuple[Address, Address]]:
    """Add what one resolution says to the targets; returns the addresses to follow, each behind
    the alias that names it."""
    match known:
        case Local(account, detail):
            targets.setdefault(account, Target(here, account, detail))
        case Alias(addresses):
            return [(here.address, address) for address in addresses]
        case Route(_, onward):
            targets.setdefault(onward.key, Target(_led(recipient, onward), None))
        case UnknownAddress(domain_is_ours=False):
            targets.setdefault(here.address.key, Target(here, None))
    return []


def _led(recipient: Recipient, address: Address) -> Recipient:
    return Recipient(address, recipient.parameters, recipient.original or recipient.address)
