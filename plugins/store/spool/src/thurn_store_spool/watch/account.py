"""Which mailboxes of an account have changed, for those who follow all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import trio

from thurn_store_spool.index.accountindex import AccountIndex
from thurn_store_spool.index.query import select
from thurn_store_spool.watch.watch import RECHECK_SECONDS, ChangeWatch, Waiter

WAITING_IDS: Final = 64
"""Ids that wait in the channel for a slow reader."""


@asynccontextmanager
async def watch_account(
    index: AccountIndex, watch: ChangeWatch
) -> AsyncIterator[trio.MemoryReceiveChannel[str]]:
    """A channel of the ids of mailboxes that may have changed since it was opened."""
    send, receive = trio.open_memory_channel[str](WAITING_IDS)
    with watch.waiting(index.account) as waiter:
        with index.snapshot():
            as_of = index.known_highest
        async with trio.open_nursery() as nursery, receive:
            nursery.start_soon(_follow, index, waiter, send, as_of)
            yield receive
            nursery.cancel_scope.cancel()


async def _follow(
    index: AccountIndex, waiter: Waiter, send: trio.MemorySendChannel[str], as_of: int
) -> None:
    late: dict[str, None] = {}
    while True:
        # Ids for which the channel had no room are offered again, once the reader may have read.
        with trio.move_on_after(RECHECK_SECONDS if late else float("inf")):
            await waiter.changed()
        numbers, as_of = changed_since(index, as_of)
        late.update((f"M{number}", None) for number in numbers)
        while late:
            try:
                send.send_nowait(next(iter(late)))
            except trio.WouldBlock:
                break
            del late[next(iter(late))]


def changed_since(index: AccountIndex, as_of: int) -> tuple[list[int], int]:
    """Numbers of mailboxes that changed after a MODSEQ of the account, and the newest MODSEQ."""
    with index.snapshot() as connection:
        rows = select(
            connection,
            "SELECT mailbox FROM change WHERE modseq > ?1 AND mailbox != 0"
            " UNION SELECT mailbox FROM body WHERE id > ?1",
            (as_of,),
        )
        return [number for (number,) in rows], index.known_highest
