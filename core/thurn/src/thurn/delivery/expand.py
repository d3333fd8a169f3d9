"""Follows an address to the accounts and foreign addresses that it stands for.

Bounded in depth and number, rings are cut: an alias file is the site's data, not a program.
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
from thurn.types.session import Target

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
    """

    targets: tuple[Target, ...]
    foreign: bool = False


async def expand(directory: Directory, recipient: Recipient) -> Expansion:
    """Resolve a recipient.

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
            return Expansion(tuple(targets.values()))
        following: list[Address] = []
        for address in level:
            if address.key in seen:
                continue
            seen.add(address.key)
            if len(seen) > ALIAS_TARGETS:
                raise TemporaryFailure(f"{recipient.address} stands for too many addresses")
            known = await directory.resolve(address)
            following += _place(targets, recipient, _led(recipient, address), known)
        level = following
    raise TemporaryFailure(f"{recipient.address} is an alias nested too deeply")


def _place(
    targets: dict[object, Target], recipient: Recipient, here: Recipient, known: Resolution
) -> list[Address]:
    """Add what one resolution says to the targets; returns the addresses to follow."""
    match known:
        case Local(account, detail):
            targets.setdefault(account, Target(here, account, detail))
        case Alias(addresses):
            return list(addresses)
        case Route(_, onward):
            targets.setdefault(onward.key, Target(_led(recipient, onward), None))
        case UnknownAddress(domain_is_ours=False):
            targets.setdefault(here.address.key, Target(here, None))
        case _:
            pass  # a dangling alias: the rest of it is served
    return []


def _led(recipient: Recipient, address: Address) -> Recipient:
    return Recipient(address, recipient.parameters, recipient.original or recipient.address)
