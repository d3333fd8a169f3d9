"""The names of an account as LIST sees them: mailboxes, missing parents, subscriptions.

Rules of this file: the work is linear in the names, whatever the patterns are; each name appears
once, and parents come before the names below them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

import trio
from thurn.plugin import INBOX, AccountHandle

from thurn_listener_imap.extension import ListedName
from thurn_listener_imap.listing.pattern import Pattern
from thurn_listener_imap.permission import LOOKUP

MATCHED_CHARACTERS: Final = 50_000
"""Characters of names compared, counted for each pattern, before other sessions have their turn;
they take 5 ms."""

ANCESTORS: Final = 20_000
"""Most parents that one command works out; an account has fewer mailboxes. Each name of 64 levels
may have 63 missing parents: all of them could take a gigabyte."""


async def read_names(account: AccountHandle, *, subscriptions: bool) -> list[ListedName]:
    """Every name that a LIST might tell, in the order of the store.

    Args:
        account: whose names.
        subscriptions: also names that are only subscribed.

    Raises:
        StorageError: the names cannot be read.
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
        # RFC 5258 §4: a missing parent is told as long as there is a mailbox below it.
        names = sorted({*records, *missing}, key=lambda n: (n != INBOX, by_level(n, separator)))
    return [
        ListedName(name, records.get(name), name in subscribed, has_children=name in above)
        for name in names
    ]


def by_level(name: str, separator: str) -> str:
    """A key that sorts names level by level: no character of a name sorts before NUL."""
    return name.replace(separator, "\0")


def ancestors(names: Iterable[str], separator: str) -> set[str]:
    """All names above these, up to `ANCESTORS`."""
    above: set[str] = set()
    for name in names:
        at = name.rfind(separator)
        while at > 0 and (parent := name[:at]) not in above:
            if len(above) >= ANCESTORS:
                return above
            above.add(parent)
            at = name.rfind(separator, 0, at)
    return above


async def matching(
    names: Iterable[str], reference: str, patterns: Collection[str], separator: str
) -> set[str]:
    """Those of the names that match the reference with one of the patterns. RFC 9051 §6.3.9."""
    compiled = [Pattern(reference + pattern, separator) for pattern in patterns]
    matched: set[str] = set()
    characters = 0
    for name in names:
        characters += len(name) * len(compiled)
        if characters > MATCHED_CHARACTERS:
            characters = 0
            await trio.lowlevel.checkpoint()
        if any(pattern.matches(name) for pattern in compiled):
            matched.add(name)
    await trio.lowlevel.checkpoint()
    return matched
