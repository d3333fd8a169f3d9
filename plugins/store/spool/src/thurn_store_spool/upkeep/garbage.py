"""Files that nothing refers to: of messages that were expunged, and left by a crash.

Nothing here goes through the commit log: after a crash it is simply done again.

Rules of this file: blocking, for a thread, on a connection of its own; a busy index is left for the
next time.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from pathlib import Path
from typing import Final

import apsw

from thurn_store_spool.body.file import remove_body
from thurn_store_spool.index.query import select, select_one
from thurn_store_spool.index.schema import open_second
from thurn_store_spool.layout import BODIES, INDEX

ORPHAN_SECONDS: Final = 7 * 86_400.0
"""Age from which a file that no row names is removed: far above the time of a commit or a start,
and enough to put things right when an index was restored from an older copy."""

_BODY: Final = re.compile("[0-7][0-9a-f]{15}")
_BATCH: Final = 500
"""Files removed between two short transactions."""


def remove_garbage(directory: Path) -> int:
    """Remove the files that nothing refers to any longer; gives how many."""
    connection = open_second(directory / INDEX)
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
    """Remove the bodies that nothing has ever referred to, which a crash has left; gives how many.

    A body is in an index, or in a record that will be replayed, long before its file is so old. A
    file that is older than the index (which has INBOX from its first moment on) belonged to another
    index that was lost: it may be all that is left of somebody's mail, and stays.
    """
    connection = open_second(directory / INDEX)
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
        status = path.stat()
        # A name that is added or removed changes st_ctime and never st_mtime.
        if status.st_ctime < now - ORPHAN_SECONDS and made_at and status.st_mtime >= made_at:
            path.unlink(missing_ok=True)
            count += 1
    return count
