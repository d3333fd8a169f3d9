"""How many messages, unseen, deleted, octets each mailbox of an account has, without counting.

A mailbox is counted once, when it is first asked for, unless there are kept totals; then its totals
are moved on by what each change row says it did, and by what was appended. Where both happened to
one mailbox since the last look, the rows do not tell in which order: that mailbox is counted again,
by its view if that is known.

Rules of this file: within one snapshot of the index; totals that were given out are never changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import apsw

from thurn_store_spool.cache.columns import Columns, totals_of
from thurn_store_spool.cache.kept import MailboxTotals, read_kept_totals
from thurn_store_spool.index.accountindex import AccountIndex
from thurn_store_spool.index.query import select, select_one
from thurn_store_spool.index.row import DELETED, LAST_UID, SEEN, read_uidnext, row_id


@dataclass(frozen=True, slots=True)
class AccountTotals:
    """The totals of those mailboxes that were counted, as of a MODSEQ of the account."""

    as_of: int = -1
    by_number: dict[int, MailboxTotals] = field(default_factory=dict)


def known_totals(
    index: AccountIndex, connection: apsw.Connection, totals: AccountTotals
) -> AccountTotals:
    """These totals, or the kept ones where these cannot be moved on."""
    if totals.as_of >= index.pruned:
        return totals
    return AccountTotals(*read_kept_totals(connection)) if index.has_copies else AccountTotals()


def totals_now(
    index: AccountIndex,
    connection: apsw.Connection,
    totals: AccountTotals,
    columns: Mapping[int, Columns],
    wanted: Iterable[int],
) -> AccountTotals:
    """The totals as of the snapshot, with those of the wanted mailboxes among them.

    Args:
        index: of the account.
        connection: the snapshot's.
        totals: what `known_totals` gave.
        columns: by mailbox, as far as they are known.
        wanted: numbers of mailboxes that exist.
    """
    missing = [number for number in wanted if number not in totals.by_number]
    highest = index.known_highest
    if totals.as_of == highest and not missing:
        return totals
    moved = _Moved(connection, columns, highest)
    tree = index.tree(connection).by_number
    by_number = {number: one for number, one in totals.by_number.items() if number in tree}
    if by_number and totals.as_of != highest:
        moved.move_on(by_number, totals.as_of)
    for number in missing:
        by_number[number] = moved.counted(number)
    return AccountTotals(highest, by_number)


@dataclass(frozen=True, slots=True)
class _Moved:
    """Totals on their way to the newest state, `highest`."""

    connection: apsw.Connection
    columns: Mapping[int, Columns]
    highest: int

    def move_on(self, by_number: dict[int, MailboxTotals], as_of: int) -> None:
        """Bring the totals of all these mailboxes up to date."""
        changes = {
            row[0]: row[1:]
            for row in select(
                self.connection,
                "SELECT mailbox, max(highest), max(modseq), total(messages), total(unseen),"
                " total(deleted), total(size) FROM change WHERE modseq > ? GROUP BY mailbox",
                (as_of,),
            )
        }
        appended = {
            row[0]
            for row in select(
                self.connection, "SELECT DISTINCT mailbox FROM body WHERE id > ?", (as_of,)
            )
        }
        for number in by_number.keys() & (changes.keys() | appended):
            old, change = by_number[number], changes.get(number)
            if change and (number in appended or change[0] >= old.uidnext):
                by_number[number] = self.counted(number)
            elif change:
                by_number[number] = self._added(number, replace(old), change)
            else:
                by_number[number] = self._count(number, replace(old))

    def counted(self, number: int) -> MailboxTotals:
        """The totals of a mailbox, by its view or by its rows."""
        columns = self.columns.get(number)
        if columns is not None and columns.as_of == self.highest:
            return totals_of(columns.view)
        return self._count(number, MailboxTotals())

    def _added(
        self, number: int, totals: MailboxTotals, change: tuple[float, ...]
    ) -> MailboxTotals:
        """The totals with what change rows say was added."""
        _, modseq, messages, unseen, deleted, size = map(int, change)
        totals.messages += messages
        totals.unseen += unseen
        totals.deleted += deleted
        totals.size += size
        totals.highestmodseq = max(totals.highestmodseq, modseq)
        totals.uidnext = read_uidnext(self.connection, number)
        return totals

    def _count(self, number: int, totals: MailboxTotals) -> MailboxTotals:
        """The totals with the messages from UIDNEXT on; for those of an empty mailbox, all."""
        messages, seen, deleted, size, modseq, floor = select_one(
            self.connection,
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
        totals.uidnext = read_uidnext(self.connection, number)
        return totals
