"""The names of an account as LIST sees them: mailboxes, parents that are gone, subscriptions.

Rules of this file: linear in the names, whatever the patterns; each name once, parents before what
is below them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import trio
from thurn.contracts.store import AccountHandle
from thurn.types.mailbox import INBOX, parents

from thurn_listener_imap.extension import Listed
from thurn_listener_imap.listing.pattern import Pattern
from thurn_listener_imap.permission import LOOKUP

MATCHES: Final = 2_000
"""Names matched before the other sessions have their turn: some 5 ms of usual patterns."""


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
        names = sorted({*records, *missing}, key=lambda n: (n != INBOX, n.split(separator)))
    return [
        Listed(name, records.get(name), name in subscribed, has_children=name in above)
        for name in names
    ]


def ancestors(names: Iterable[str], separator: str) -> set[str]:
    """All names above these."""
    found: set[str] = set()
    for name in names:
        for parent in reversed(parents(name, separator)):
            if parent in found:
                break
            found.add(parent)
    return found


async def matching(
    listed: Sequence[Listed], reference: str, patterns: Collection[str], separator: str
) -> list[Listed]:
    """Those whose name matches one of the patterns behind the reference. RFC 9051 §6.3.9."""
    compiled = [Pattern(reference + pattern, separator) for pattern in patterns]
    step = max(MATCHES // len(compiled), 1)
    found: list[Listed] = []
    for start in range(0, len(listed), step):
        some = listed[start : start + step]
        found += [one for one in some if any(p.matches(one.name) for p in compiled)]
        await trio.lowlevel.checkpoint()
    return found
