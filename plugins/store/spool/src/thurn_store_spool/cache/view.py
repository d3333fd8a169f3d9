"""The newest view of a mailbox, by the cheapest way: as it is known, moved on by this worker's own
operations, moved on by the index, or read anew (in a thread where that is much).

Rules of this file: `mailbox` is a mailbox's number; a mailbox that is gone is MailboxNotFound.
"""

from __future__ import annotations

from typing import Final

import apsw
import trio
from thurn.plugin import MailboxNotFound, View

from thurn_store_spool.cache.caches import AccountCaches
from thurn_store_spool.cache.columns import Columns, advance, follow, load, load_apart
from thurn_store_spool.index.accountindex import AccountIndex
from thurn_store_spool.index.query import select_one
from thurn_store_spool.index.row import LAST_UID, read_uidnext, row_id
from thurn_store_spool.index.trouble import TroubleError

INLINE_MESSAGES: Final = 20_000
"""Messages of the largest mailbox that is first read on the worker's own thread, which takes some
15 ms."""


async def newest_view(index: AccountIndex, caches: AccountCaches, mailbox: int) -> View:
    """The newest view; the same object when nothing has changed."""
    columns = caches.columns.get(mailbox)
    if columns is not None and index.is_unchanged():
        highest = index.known_highest
        if columns.as_of == highest:
            return columns.view
        recent = caches.recent.of(mailbox, columns.as_of, highest)
        if recent is not None:
            columns = caches.columns[mailbox] = follow(columns, recent, highest)
            return columns.view
    if columns is None and _is_large(index, caches, mailbox):
        await load_in_thread(index, caches, mailbox)
    return newest_columns(index, caches, mailbox).view


def newest_columns(index: AccountIndex, caches: AccountCaches, mailbox: int) -> Columns:
    """The columns as of now, read or moved on by the index, and remembered for all sessions."""
    columns = caches.columns.get(mailbox)
    with index.snapshot() as connection:
        row = index.tree(connection).by_number.get(mailbox)
        if row is None:
            caches.columns.pop(mailbox, None)
            raise MailboxNotFound
        highest = index.known_highest
        if columns is None or columns.as_of < index.pruned:
            columns = load(connection, row, highest)
        elif columns.as_of != highest:
            columns = advance(connection, columns, row, highest)
    caches.columns.remember(mailbox, columns)
    return columns


async def load_in_thread(index: AccountIndex, caches: AccountCaches, mailbox: int) -> None:
    """Read the columns of a large mailbox, and remember them. Raises StorageError."""
    try:
        columns = await trio.to_thread.run_sync(load_apart, index.directory, mailbox)
    except (apsw.Error, TroubleError) as error:
        raise index.failed(error) from error
    index.ask_for_copies()  # if they had to be read from many rows
    known = caches.columns.get(mailbox)
    if columns is not None and (known is None or known.as_of < columns.as_of):
        caches.columns.remember(mailbox, columns)


def _is_large(index: AccountIndex, caches: AccountCaches, mailbox: int) -> bool:
    totals = caches.totals.by_number.get(mailbox)
    if totals is not None:  # as it was when it was counted
        return totals.messages > INLINE_MESSAGES
    with index.snapshot() as connection:
        return may_be_large(connection, mailbox)


def may_be_large(connection: apsw.Connection, mailbox: int) -> bool:
    """Whether a mailbox that was never counted may be large, by the span of its UIDs."""
    first = select_one(
        connection,
        "SELECT id FROM message WHERE id >= ? ORDER BY id LIMIT 1",
        (row_id(mailbox, 0),),
    )
    if first is None or first[0] >> 32 != mailbox:
        return False
    return bool(read_uidnext(connection, mailbox) - (first[0] & LAST_UID) > INLINE_MESSAGES)
