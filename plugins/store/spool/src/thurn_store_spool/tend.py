"""Tending an index: files that nothing refers to are removed, old rows are pruned.

Nothing here goes through the log: after a crash it is simply done again.

Rules of this file: blocking, on a connection of its own, for a thread; a busy index is left for
the next time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import apsw

from thurn_store_spool.body import remove_body
from thurn_store_spool.place import INDEX
from thurn_store_spool.query import select, select_one
from thurn_store_spool.schema import open_reader

KEPT_CHANGES: Final = 65_536
"""Change rows kept: what a client may have missed and still be told exactly; a few megabytes."""

KEPT_KEY_SECONDS: Final = 7 * 86_400
"""Idempotency keys: longer than anything is tried again (RFC 5321 §4.5.4.1: 4-5 days)."""

TEND_SECONDS: Final = 86_400
"""How often an index is pruned."""

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
