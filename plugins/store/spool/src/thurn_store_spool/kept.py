"""Kept copies: the columns of large mailboxes in one piece each, so that a first look is fast.

A copy is what a view was at a MODSEQ; whoever reads it moves it on by what has changed since, as it
does with a view in memory. Copies are written in the background and may be missing, old, or of a
mailbox that has gone. They stand in the index itself: a power cut takes them back together with
what they were made of.

Rules of this file: the table `kept` and the form of its columns; within the caller's transaction.
"""

from __future__ import annotations

import sys
from array import array
from dataclasses import astuple, dataclass
from typing import Final

import apsw
from thurn.plugin import View

from thurn_store_spool.perform import Totals
from thurn_store_spool.query import select, select_one
from thurn_store_spool.tree import MailboxRow

TYPES: Final = ("I", "Q", "Q", "Q", "q")
"""Of the columns of a view, in its order."""

KEPT_MESSAGES: Final = 1_000
"""The columns of a smaller mailbox are read from its rows in a millisecond."""

_ORDER: Final = sys.byteorder[0].encode()
_MESSAGE_OCTETS: Final = sum(array(code).itemsize for code in TYPES)


@dataclass(slots=True)
class MailboxTotals(Totals):
    """Of one mailbox, as of its MODSEQ."""

    highestmodseq: int = 0
    uidnext: int = 1


def write_kept(
    connection: apsw.Connection, seen: int, mailboxes: dict[int, tuple[MailboxTotals, View]]
) -> None:
    """All copies of an account are these, as of a MODSEQ."""
    connection.execute("DELETE FROM kept")
    for number, (totals, view) in mailboxes.items():
        octets = _packed(view) if len(view) >= KEPT_MESSAGES else None
        connection.execute(
            "INSERT INTO kept VALUES(?,?,?,?,?,?,?,?,?)", (number, seen, *astuple(totals), octets)
        )


def _packed(view: View) -> bytes:
    columns = (view.uids, view.flags, view.modseqs, view.sizes, view.received)
    return b"".join([_ORDER, *[column.tobytes() for column in columns]])


def read_kept_view(connection: apsw.Connection, row: MailboxRow) -> tuple[View, int] | None:
    """The copy of a view and its MODSEQ; None where there is none from which to go on."""
    found = select_one(
        connection,
        "SELECT seen, modseq, uidnext, octets FROM kept, floor"
        " WHERE kept.mailbox = ? AND octets IS NOT NULL AND seen >= pruned",
        (row.number,),
    )
    if found is None:
        return None
    seen, modseq, uidnext, octets = found
    count, rest = divmod(len(octets) - 1, _MESSAGE_OCTETS)
    if rest or octets[:1] != _ORDER:  # of a machine with other octets
        return None
    columns, start = [], 1
    for code in TYPES:
        column = array(code)
        end = start + count * column.itemsize
        column.frombytes(memoryview(octets)[start:end])
        columns.append(column)
        start = end
    view = View(row.id, row.uidvalidity, uidnext, modseq, row.flag_names, *columns)
    return view, seen


def read_kept_totals(connection: apsw.Connection) -> tuple[int, dict[int, MailboxTotals]]:
    """The totals of all mailboxes and their MODSEQ, or nothing and -1."""
    rows = select(
        connection,
        "SELECT seen, kept.mailbox, messages, unseen, deleted, size, modseq, kept.uidnext"
        " FROM kept, floor WHERE seen >= pruned",
    )
    return (rows[0][0] if rows else -1, {row[1]: MailboxTotals(*row[2:]) for row in rows})
