"""Tending an index: files that nothing refers to are removed, old rows are pruned, copies are kept,
the engine's log is written back.

Nothing here goes through the log: after a crash it is simply done again.

Rules of this file: blocking, on a connection of its own, for a thread; a busy index is left for
the next time.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from pathlib import Path
from typing import Final

import apsw

from thurn_store_spool.body import remove_body
from thurn_store_spool.columns import load, load_rows, totals_of
from thurn_store_spool.index import GROWN_CHANGES, read_highest
from thurn_store_spool.kept import KEPT_MESSAGES, write_kept
from thurn_store_spool.place import BODIES, INDEX
from thurn_store_spool.query import select, select_one
from thurn_store_spool.schema import open_reader
from thurn_store_spool.tree import read_tree
from thurn_store_spool.uidset import RANGE_OCTETS

KEPT_CHANGES: Final = 65_536
"""Change rows kept: what a client may have missed and still be told exactly; a few megabytes."""

KEPT_KEY_SECONDS: Final = 7 * 86_400
"""Idempotency keys: longer than anything is tried again (RFC 5321 §4.5.4.1: 4-5 days)."""

TEND_SECONDS: Final = 86_400
"""How often an index is pruned."""

ORPHAN_SECONDS: Final = 7 * 86_400.0
"""Age of a file that no row names before it is removed: far above the time of a commit or a start,
and enough to put things right when an index has been restored from an older copy."""

GROWN_PART: Final = 8
"""Kept copies are written anew after as many changes as this part of the messages: to move a copy
on by them takes some milliseconds, and writing it costs a few microseconds for each of them."""

_BODY: Final = re.compile("[0-7][0-9a-f]{15}")
_PASSES: Final = 3
_BATCH: Final = 500
"""Files removed between two short transactions."""


def remove_garbage(directory: Path) -> int:
    """Remove the files that nothing refers to; gives how many."""
    connection = open_reader(directory / INDEX)
    if connection is None:
        return 0
    count = 0
    try:
        while True:
            rows = select(connection, "SELECT message FROM garbage LIMIT ?", (_BATCH,))
            if not rows:
                return count
            for (message,) in rows:
                remove_body(directory, message)
            with connection:
                connection.executemany("DELETE FROM garbage WHERE message = ?", rows)
            count += len(rows)
    except apsw.BusyError:
        return count
    finally:
        connection.close()


def remove_orphans(directory: Path, now: float) -> int:
    """Remove the bodies that nothing refers to, or ever did: what a crash left. Gives how many.

    A file is in an index, or named by a record that will be replayed, long before it is so old. One
    that is older than the index, which has INBOX from its first moment on, was in another that has
    been lost: all that is left of somebody's mail stays.
    """
    connection = open_reader(directory / INDEX)
    if connection is None:
        return 0
    try:
        sql = "SELECT message FROM body UNION ALL SELECT message FROM garbage ORDER BY 1"
        known = array("q", (row[0] for row in connection.execute(sql)))
        made_at = select_one(connection, "SELECT min(uidvalidity) FROM mailbox")[0]
    finally:
        connection.close()
    count = 0
    for path in (directory / BODIES).glob("[0-9a-f][0-9a-f]/*"):
        message = int(path.name, 16) if _BODY.fullmatch(path.name) else -1
        at = bisect_left(known, message)
        if known[at : at + 1] == array("q", [message]):
            continue
        found = path.stat()
        # A name that was added or removed changes the one time, and never the other.
        if found.st_ctime < now - ORPHAN_SECONDS and made_at and found.st_mtime >= made_at:
            path.unlink(missing_ok=True)
            count += 1
    return count


def keep(directory: Path, *, anew: bool = False) -> bool:
    """Write kept copies, if enough has changed for them to be worth it; gives whether it was.

    Args:
        directory: of the account.
        anew: from the rows, whatever is there: what might be wrong in a copy ends here.
    """
    connection = open_reader(directory / INDEX)
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


def checkpoint(directory: Path) -> bool:
    """Write the log of the index back; gives whether all of it was, so that it begins anew.

    Who commits meanwhile keeps it from that. The passes after the first are short.
    """
    connection = open_reader(directory / INDEX)
    if connection is None:
        return False
    try:
        for _pass in range(_PASSES):
            pages, written = connection.wal_checkpoint()
            if pages == written:
                return True
    except apsw.BusyError:
        return False
    finally:
        connection.close()
    return False


def prune(directory: Path, now: float) -> None:
    """Forget keys and change rows that are too old; once in TEND_SECONDS."""
    connection = open_reader(directory / INDEX)
    if connection is None:
        return
    try:
        with connection:
            connection.execute("DELETE FROM delivered WHERE at < ?", (now - KEPT_KEY_SECONDS,))
            connection.execute("DELETE FROM remembered WHERE until < ?", (now,))
            row = select_one(
                connection,
                "SELECT modseq FROM change ORDER BY modseq DESC LIMIT 1 OFFSET ?",
                (KEPT_CHANGES,),
            )
            pruned = row[0] if row else 0
            connection.execute("DELETE FROM change WHERE modseq <= ?", (pruned,))
            connection.execute(
                "UPDATE floor SET tended_at = ?, pruned = max(pruned, ?)", (int(now), pruned)
            )
    except apsw.BusyError:
        return
    finally:
        connection.close()
