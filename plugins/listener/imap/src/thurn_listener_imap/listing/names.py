"""The names of an account as LIST sees them: mailboxes, parents that are gone, subscriptions.

Rules of this file: linear in the names, whatever the patterns; each name once, parents before what
is below them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

import trio
from thurn.plugin import INBOX, AccountHandle

from thurn_listener_imap.extension import Listed
from thurn_listener_imap.listing.pattern import Pattern
from thurn_listener_imap.permission import LOOKUP

MATCHED_CHARACTERS: Final = 50_000
"""Of names, for each pattern, before the other sessions have their turn: some 5 ms."""

ANCESTORS: Final = 20_000
"""Parents that are found at most; more than an account has mailboxes. Of each name of 64 levels,
there may be 63 that are not there: what an account may keep would be a gigabyte of them."""


async def read_names(account: AccountHandle, *, subscriptions: bool) -> list[Listed]:
    """Everything that a LIST might tell, in the order of the store.

    Args:
        account: whose.
        subscriptions: names that are only subscribed, too.

    Raises:
        StorageError: they cannot be read.
    """
    records = {r.name: r for r in await account.mailboxes() if LOOKUP in r.rights}
    separator = account.separator
    above = ancestors(records, separator)
    subscribed = {name for name, record in records.items() if record.subscribed}
    missing = above.difference(records)
    if subscriptions:
        subscribed = set(await account.subscriptions())
        missing |= subscribed.difference(records)
    names: Iterable[str] = records
    if missing:
        # RFC 5258 §4: a parent that is gone is told as long as there is something below it.
        names = sorted({*records, *missing}, key=lambda n: (n != INBOX, by_level(n, separator)))
    return [
        Listed(name, records.get(name), name in subscribed, has_children=name in above)
        for name in names
    ]


def by_level(name: str, separator: str) -> str:
    """What names are sorted by: level for level, as no character of a name is below a space."""
    return name.replace(separator, "\0")


def ancestors(names: Iterable[str], separator: str) -> set[str]:
    """All names above these, up to `ANCESTORS`."""
    found: set[str] = set()
    for name in names:
        at = name.rfind(separator)
        while at > 0 and (parent := name[:at]) not in found:
            if len(found) >= ANCESTORS:
                return found
            found.add(parent)
            at = name.rfind(separator, 0, at)
    return found


async def matching(
    names: Iterable[str], reference: str, patterns: Collection[str], separator: str
) -> set[str]:
    """Those that match one of the patterns behind the reference. RFC 9051 §6.3.9."""
    compiled = [Pattern(reference + pattern, separator) for pattern in patterns]
    found: set[str] = set()
    characters = 0
    for name in names:
        characters += len(name) * len(compiled)
        if characters > MATCHED_CHARACTERS:
            characters = 0
            await trio.lowlevel.checkpoint()
        if any(pattern.matches(name) for pattern in compiled):
            found.add(name)
    await trio.lowlevel.checkpoint()
    return found
