"""Rows that are too old: idempotency keys, remembered keys, and change rows.

Nothing here goes through the commit log: after a crash it is simply done again.

Rules of this file: blocking, for a thread, on a connection of its own; a busy index is left for the
next time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import apsw

from thurn_store_spool.index.query import select_one
from thurn_store_spool.index.schema import open_second
from thurn_store_spool.layout import INDEX

KEPT_CHANGES: Final = 65_536
"""Newest change rows that are kept: what a client may have missed and still be told exactly; a few
megabytes."""

KEPT_KEY_SECONDS: Final = 7 * 86_400
"""Age of the oldest idempotency key that is kept: nothing is tried for so long (RFC 5321 §4.5.4.1:
4-5 days)."""


def prune(directory: Path, now: float) -> None:
    """Remove what is too old as of now, POSIX seconds, and note the time."""
    connection = open_second(directory / INDEX)
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
