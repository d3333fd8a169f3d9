"""SQLite's log (WAL) is written back into the index, so that it begins anew and stays short.

Nothing here goes through the commit log: after a crash it is simply done again.

Rules of this file: blocking, for a thread, on a connection of its own; a busy index is left for the
next time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import apsw

from thurn_store_spool.index.schema import open_second
from thurn_store_spool.layout import INDEX

_PASSES: Final = 3
"""Passes over the log: commits in the meantime keep it from beginning anew, and the passes after
the first are short."""


def write_back(directory: Path) -> bool:
    """Write the log of the index back; gives whether all of it was, so that it begins anew."""
    connection = open_second(directory / INDEX)
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
