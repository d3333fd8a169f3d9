"""The record of a mailbox: what it is, and what it has, as of now.

Rules of this file: a record is a value; what is remembered is given out only while it is true.
"""

from __future__ import annotations

from collections.abc import Collection

import apsw
from thurn.plugin import MailboxNotFound, MailboxRecord

from thurn_store_spool.cache.caches import AccountCaches, KnownRecord
from thurn_store_spool.cache.kept import MailboxTotals
from thurn_store_spool.cache.recent import Arrived
from thurn_store_spool.cache.totals import known_totals, totals_now
from thurn_store_spool.cache.view import load_in_thread, may_be_large
from thurn_store_spool.index.accountindex import AccountIndex
from thurn_store_spool.index.query import select, select_one
from thurn_store_spool.index.row import DELETED, SEEN
from thurn_store_spool.index.tree import MailboxRow


async def resolve(
    index: AccountIndex, caches: AccountCaches, name: str
) -> tuple[int, MailboxRecord]:
    """The number and the record of the mailbox with this normal name.

    A large mailbox that was never counted is read in a thread: sessions want its view next.

    Raises:
        MailboxNotFound: there is no mailbox of this name.
        StorageError: the index cannot be read.
    """
    tree = index.known_tree()
    if tree is not None:
        row = tree.by_name.get(name)
        if row is None:
            raise MailboxNotFound
        record = _known_record(index, caches, row.number)
        if record is not None:
            return row.number, record
    with index.snapshot() as connection:
        row = index.tree(connection).by_name.get(name)
        if row is None:
            raise MailboxNotFound
        caches.totals = known_totals(index, connection, caches.totals)
        is_counted = row.number in caches.totals.by_number or row.number in caches.columns
        if is_counted or not may_be_large(connection, row.number):
            return row.number, _read(index, caches, connection, row)
    await load_in_thread(index, caches, row.number)
    return row.number, read_record(index, caches, row.number)


def _known_record(index: AccountIndex, caches: AccountCaches, number: int) -> MailboxRecord | None:
    """The record as it is known, moved on by messages that this worker has stored; None when it
    must be read. The index must be unchanged."""
    known = caches.records.get(number)
    if known is None or known.as_of == index.known_highest:
        return known and known.record
    recent = caches.recent.of(number, known.as_of, index.known_highest)
    if recent is None:
        return None
    record = known.record
    for one in recent:
        if not isinstance(one, Arrived):
            return None
        record = _with_message(record, one)
    caches.records.remember(number, KnownRecord(index.known_highest, record))
    return record


def _with_message(record: MailboxRecord, message: Arrived) -> MailboxRecord:
    """The record after a message was stored."""
    # Not `dataclasses.replace`, which takes twice as long.
    return MailboxRecord(
        record.id,
        record.name,
        record.uidvalidity,
        message.uid + 1,
        message.modseq,
        record.messages + 1,
        record.unseen + (not message.flags & SEEN),
        record.size_octets + message.size,
        record.special_use,
        record.subscribed,
        record.rights,
        record.deleted + bool(message.flags & DELETED),
    )


def read_record(index: AccountIndex, caches: AccountCaches, number: int) -> MailboxRecord:
    """The record of the mailbox with this number. Raises as `resolve`."""
    with index.snapshot() as connection:
        row = index.tree(connection).by_number.get(number)
        if row is None:
            raise MailboxNotFound
        return _read(index, caches, connection, row)


def read_records(index: AccountIndex, caches: AccountCaches) -> list[MailboxRecord]:
    """The records of all mailboxes, in no order."""
    with index.snapshot() as connection:
        rows = index.tree(connection).by_number
        totals = _totals(index, caches, connection, rows)
        subscribed = {name for (name,) in select(connection, "SELECT name FROM subscription")}
    return [
        _record(row, totals[number], subscribed=row.name in subscribed)
        for number, row in rows.items()
    ]


def _read(
    index: AccountIndex, caches: AccountCaches, connection: apsw.Connection, row: MailboxRow
) -> MailboxRecord:
    sql = "SELECT 1 FROM subscription WHERE name = ?"
    subscribed = select_one(connection, sql, (row.name,)) is not None
    totals = _totals(index, caches, connection, (row.number,))[row.number]
    record = _record(row, totals, subscribed=subscribed)
    caches.records.remember(row.number, KnownRecord(index.known_highest, record))
    return record


def _totals(
    index: AccountIndex,
    caches: AccountCaches,
    connection: apsw.Connection,
    numbers: Collection[int],
) -> dict[int, MailboxTotals]:
    totals = known_totals(index, connection, caches.totals)
    caches.totals = totals_now(index, connection, totals, caches.columns, numbers)
    return caches.totals.by_number


def _record(row: MailboxRow, totals: MailboxTotals, *, subscribed: bool) -> MailboxRecord:
    return MailboxRecord(
        id=row.id,
        name=row.name,
        uidvalidity=row.uidvalidity,
        uidnext=totals.uidnext,
        highestmodseq=totals.highestmodseq,
        messages=totals.messages,
        unseen=totals.unseen,
        size_octets=totals.size,
        special_use=row.special_use,
        subscribed=subscribed,
        deleted=totals.deleted,
    )
