"""Which mailboxes of an account change: notices as hints, the index as the truth."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import trio

from thurn_store_spool.environment import Environment
from thurn_store_spool.index import AccountIndex
from thurn_store_spool.query import select

RECHECK_SECONDS: Final = 1.0
"""A notice may be lost; a change is told within a second."""

WAITING: Final = 64
"""Ids that wait for a slow reader; the same id waits once."""


@asynccontextmanager
async def watch_account(
    index: AccountIndex, environment: Environment
) -> AsyncIterator[trio.MemoryReceiveChannel[str]]:
    """A channel of ids of mailboxes that may have changed since it was opened."""
    send, receive = trio.open_memory_channel[str](WAITING)
    with index.snapshot():
        seen = index.known_highest
    async with (
        environment.notices.subscribe(environment.topic(index.account)) as hints,
        trio.open_nursery() as nursery,
        receive,
    ):
        nursery.start_soon(_follow, index, hints, send, seen)
        yield receive
        nursery.cancel_scope.cancel()


async def _follow(
    index: AccountIndex,
    hints: trio.MemoryReceiveChannel[int],
    send: trio.MemorySendChannel[str],
    seen: int,
) -> None:
    late: OrderedDict[str, None] = OrderedDict()
    stamp = index.stamp()
    while True:
        told = False
        with trio.move_on_after(RECHECK_SECONDS):
            await hints.receive()
            told = True
        old, stamp = stamp, index.stamp()
        if told or stamp != old:
            numbers, seen = changed_since(index, seen)
            late.update((f"M{number}", None) for number in numbers)
        while late:
            try:
                send.send_nowait(next(iter(late)))
            except trio.WouldBlock:
                break  # told again later, when the reader has read
            late.popitem(last=False)


def changed_since(index: AccountIndex, seen: int) -> tuple[list[int], int]:
    """Numbers of mailboxes that changed after a MODSEQ of the account, and the newest MODSEQ."""
    with index.snapshot() as connection:
        rows = select(
            connection,
            "SELECT mailbox FROM change WHERE modseq > ?1 AND mailbox != 0"
            " UNION SELECT mailbox FROM body WHERE id > ?1",
            (seen,),
        )
        return [number for (number,) in rows], index.known_highest
