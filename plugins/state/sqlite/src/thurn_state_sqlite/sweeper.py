"""Removes ended rows in small batches, and makes checkpoints of the log in a thread.

Each worker sweeps; two may do so at the same time. A sweep also stores the time, which bounds the
rest of lifetimes after a reboot (see `database`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import apsw
import trio
from thurn.plugin import Diagnostics, TemporaryFailure

from thurn_state_sqlite.database import Database, connect, writing

SWEEP_SECONDS: Final = 30.0
"""Seconds between two sweeps of a worker."""
BATCH_ROWS: Final = 200
"""Rows removed in one transaction: it takes some milliseconds, in which no other worker can
write."""

_SWEEP: Final = """
DELETE FROM entry WHERE (tab, key) IN (
    SELECT tab, key FROM entry WHERE deadline <= ? ORDER BY deadline LIMIT ?
) RETURNING 1
"""
_SEEN: Final = "UPDATE boot SET seen = ? WHERE id = ?"


async def sweep_always(database: Database, path: Path, diagnostics: Diagnostics) -> None:
    """Sweep as long as the instance is open; failures are logged, and the next sweep goes on."""
    while True:
        await trio.sleep(SWEEP_SECONDS)
        try:
            await sweep(database)
            await trio.to_thread.run_sync(_write_back, path)
        except (TemporaryFailure, apsw.Error) as error:
            diagnostics.warning("state.sweep_failed", failure=str(error))


async def sweep(database: Database) -> int:
    """Remove all rows that have ended, and return how many.

    Raises:
        TemporaryFailure: see `Database.run`.

    Cancellation: some batches may have been removed.
    """
    clock, removed = database.clock, 0

    def work(connection: apsw.Connection) -> int:
        with writing(connection):
            now = clock.monotonic()
            connection.execute(_SEEN, (now, clock.boot_id))
            return len(connection.execute(_SWEEP, (now, BATCH_ROWS)).fetchall())

    while True:
        batch = await database.run(work)
        removed += batch
        if batch < BATCH_ROWS:
            return removed


def _write_back(path: Path) -> None:
    """Copy the log into the file as far as no reader needs it; syncs both."""
    connection = connect(path)
    try:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
    finally:
        connection.close()
