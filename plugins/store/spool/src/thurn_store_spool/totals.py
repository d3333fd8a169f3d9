"""How many messages, unseen, deleted, octets each mailbox of an account has, without counting.

Counted once when first asked for, unless there are kept totals; then moved on by what each change
row says it did, and by what was appended. Where both happened to the same mailbox since the last
look, the order cannot be told from the rows: that mailbox is counted again, by its view if it is
known.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import apsw
from thurn.plugin import MailboxRecord

from thurn_store_spool.columns import totals_of
from thurn_store_spool.index import LAST_UID, AccountIndex, read_uidnext
from thurn_store_spool.kept import MailboxTotals, read_kept_totals
from thurn_store_spool.perform import DELETED, SEEN, row_id
from thurn_store_spool.query import select, select_one
from thurn_store_spool.tree import MailboxRow, Tree


@dataclass(slots=True)
class AccountTotals:
    """Of all mailboxes by number, as of a MODSEQ of the account."""

    seen: int = -1
    by_number: dict[int, MailboxTotals] = field(default_factory=dict)

    def record(self, row: MailboxRow, *, subscribed: bool) -> MailboxRecord:
        """What a list needs to know of a mailbox."""
        totals = self.by_number[row.number]
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


def read_totals(index: AccountIndex, connection: apsw.Connection, tree: Tree) -> AccountTotals:
    """The totals as of the snapshot, moved on from what the index object knows."""
    known = index.totals
    if known is None or known.seen < index.pruned:
        known = AccountTotals(*read_kept_totals(connection))
    if known.seen != index.known_highest:
        known = index.totals = _moved_on(index, connection, tree, known)
    return known


def _moved_on(
    index: AccountIndex, connection: apsw.Connection, tree: Tree, known: AccountTotals
) -> AccountTotals:
    highest = index.known_highest
    changed = {
        row[0]: row[1:]
        for row in select(
            connection,
            "SELECT mailbox, max(highest), max(modseq), total(messages), total(unseen),"
            " total(deleted), total(size) FROM change WHERE modseq > ? GROUP BY mailbox",
            (known.seen,),
        )
    }
    appended = {
        row[0]
        for row in select(
            connection, "SELECT DISTINCT mailbox FROM body WHERE id > ?", (known.seen,)
        )
    }
    by_number: dict[int, MailboxTotals] = {}
    for number in tree.by_number:
        old = known.by_number.get(number)
        change = changed.get(number)
        columns = index.columns.get(number)
        if old is None or (change and (number in appended or change[0] >= old.uidnext)):
            if columns is not None and columns.seen == highest:
                by_number[number] = totals_of(columns.view)
            else:
                by_number[number] = _count(connection, number, MailboxTotals())
        elif change:
            by_number[number] = _add(connection, number, replace(old), change)
        elif number in appended:
            by_number[number] = _count(connection, number, replace(old))
        else:
            by_number[number] = old
    return AccountTotals(highest, by_number)


def _add(
    connection: apsw.Connection, number: int, totals: MailboxTotals, change: tuple[float, ...]
) -> MailboxTotals:
    _, modseq, messages, unseen, deleted, size = map(int, change)
    totals.messages += messages
    totals.unseen += unseen
    totals.deleted += deleted
    totals.size += size
    totals.highestmodseq = max(totals.highestmodseq, modseq)
    totals.uidnext = read_uidnext(connection, number)
    return totals


def _count(connection: apsw.Connection, number: int, totals: MailboxTotals) -> MailboxTotals:
    """Add the messages from UIDNEXT on: for totals of nothing, all."""
    messages, seen, deleted, size, modseq, floor = select_one(
        connection,
        "SELECT count(*), total(flags & ?1 != 0), total(flags & ?2 != 0), total(size),"
        " coalesce(max(modseq), 0), (SELECT modseq FROM mailbox WHERE number = ?3)"
        " FROM message WHERE id BETWEEN ?4 AND ?5",
        (SEEN, DELETED, number, row_id(number, totals.uidnext), row_id(number, LAST_UID)),
    )
    totals.messages += messages
    totals.unseen += messages - int(seen)
    totals.deleted += int(deleted)
    totals.size += int(size)
    totals.highestmodseq = max(totals.highestmodseq, modseq, floor or 0)
    totals.uidnext = read_uidnext(connection, number)
    return totals
