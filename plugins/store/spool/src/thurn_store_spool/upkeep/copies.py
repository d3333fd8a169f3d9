"""Keeping copies of the columns of large mailboxes, so that a first look is fast.

Nothing here goes through the commit log: after a crash it is simply done again.

Rules of this file: blocking, for a thread, on a connection of its own; a busy index is left for the
next time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import apsw

from thurn_store_spool.cache.columns import load, load_rows, totals_of
from thurn_store_spool.cache.kept import KEPT_MESSAGES, write_kept
from thurn_store_spool.index.accountindex import GROWN_CHANGES
from thurn_store_spool.index.query import select_one
from thurn_store_spool.index.row import read_highest
from thurn_store_spool.index.schema import open_second
from thurn_store_spool.index.tree import read_tree
from thurn_store_spool.layout import INDEX
from thurn_store_spool.operation.uidset import RANGE_OCTETS

GROWN_PART: Final = 8
"""Copies are written anew after changes to one in so many messages: moving a copy on by these takes
some milliseconds, and writing it takes a few microseconds for each of them."""


def keep_copies(directory: Path, *, anew: bool = False) -> bool:
    """Write the kept copies if enough has changed; gives whether they were written.

    Args:
        directory: of the account.
        anew: write them in any case, from the rows, so that nothing that might be wrong in a copy
            lasts.
    """
    connection = open_second(directory / INDEX)
    if connection is None:
        return False
    try:
        with connection:  # one transaction, so one state
            highest = read_highest(connection)
            if not anew and not _is_grown(connection, highest):
                return False
            read = load_rows if anew else load
            views = [
                (row.number, read(connection, row, highest).view)
                for row in read_tree(connection).by_number.values()
            ]
        if all(len(view) < KEPT_MESSAGES for _, view in views):
            return False
        # A copy may be older than the index, so others may have committed in between.
        with connection:
            write_kept(connection, highest, {n: (totals_of(view), view) for n, view in views})
    except apsw.BusyError:
        return False
    finally:
        connection.close()
    return True


def _is_grown(connection: apsw.Connection, highest: int) -> bool:
    seen, messages = select_one(
        connection, "SELECT coalesce(max(seen), -1), total(messages) FROM kept"
    )
    pruned, octets = select_one(
        connection,
        "SELECT pruned, (SELECT total(length(operation)) FROM change WHERE modseq > ?) FROM floor",
        (seen,),
    )
    changes = highest - seen + octets / RANGE_OCTETS
    return bool(seen < pruned or changes >= max(GROWN_CHANGES, messages / GROWN_PART))
