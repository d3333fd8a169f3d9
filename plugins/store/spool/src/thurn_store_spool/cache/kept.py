"""Kept copies: the columns of large mailboxes in one piece each, so that a first look is fast.

A copy is what a view was as of a MODSEQ. Whoever reads it moves it on by what has changed since, as
with a view in memory. Copies are written in the background; they may be missing, old, or of a
mailbox that is gone. They are part of the index itself: a power cut takes them back together with
the rows that they were made of.

Rules of this file: the table `kept` and the form of its columns; within the caller's transaction.
"""

from __future__ import annotations

import sys
from array import array
from dataclasses import astuple, dataclass
from typing import Final

import apsw
from thurn.plugin import View

from thurn_store_spool.index.query import select, select_one
from thurn_store_spool.index.row import Totals
from thurn_store_spool.index.tree import MailboxRow

TYPES: Final = ("I", "Q", "Q", "Q", "q")
"""The array types of a view's columns, in its order."""

KEPT_MESSAGES: Final = 1_000
"""Messages of the smallest mailbox whose columns are kept; those of a smaller one are read from its
rows in a millisecond."""

_ORDER: Final = sys.byteorder[0].encode()
_MESSAGE_OCTETS: Final = sum(array(code).itemsize for code in TYPES)


@dataclass(slots=True)
class MailboxTotals(Totals):
    """The totals of one mailbox, as of its MODSEQ."""

    highestmodseq: int = 0
    uidnext: int = 1


def write_kept(
    connection: apsw.Connection, as_of: int, mailboxes: dict[int, tuple[MailboxTotals, View]]
) -> None:
    """Replace all copies of an account by these, as of a MODSEQ of the account."""
    connection.execute("DELETE FROM kept")
    for number, (totals, view) in mailboxes.items():
        octets = _packed(view) if len(view) >= KEPT_MESSAGES else None
        connection.execute(
            "INSERT INTO kept VALUES(?,?,?,?,?,?,?,?,?)", (number, as_of, *astuple(totals), octets)
        )


def _packed(view: View) -> bytes:
    columns = (view.uids, view.flags, view.modseqs, view.sizes, view.received)
    return b"".join([_ORDER, *[column.tobytes() for column in columns]])


def read_kept_view(connection: apsw.Connection, row: MailboxRow) -> tuple[View, int] | None:
    """The copy of a view and its MODSEQ; None without a copy that can be moved on."""
    kept = select_one(
        connection,
        "SELECT seen, modseq, uidnext, octets FROM kept, floor"
        " WHERE kept.mailbox = ? AND octets IS NOT NULL AND seen >= pruned",
        (row.number,),
    )
    if kept is None:
        return None
    as_of, modseq, uidnext, octets = kept
    count, rest = divmod(len(octets) - 1, _MESSAGE_OCTETS)
    if rest or octets[:1] != _ORDER:  # from a machine with another order of octets
        return None
    columns, start = [], 1
    for code in TYPES:
        column = array(code)
        end = start + count * column.itemsize
        column.frombytes(memoryview(octets)[start:end])
        columns.append(column)
        start = end
    view = View(row.id, row.uidvalidity, uidnext, modseq, row.flag_names, *columns)
    return view, as_of


def read_kept_totals(connection: apsw.Connection) -> tuple[int, dict[int, MailboxTotals]]:
    """The MODSEQ of the kept totals, and the totals by mailbox; -1 and nothing without copies."""
    rows = select(
        connection,
        "SELECT seen, kept.mailbox, messages, unseen, deleted, size, modseq, kept.uidnext"
        " FROM kept, floor WHERE seen >= pruned",
    )
    return (rows[0][0] if rows else -1, {row[1]: MailboxTotals(*row[2:]) for row in rows})
