"""One SQLite file for all tables, shared by the site's workers.

Rules of this file:
1. Calls run inline: they take ten microseconds, a thread would take sixty. SQLite never waits by
   itself; when another worker is writing, the task sleeps a moment and tries again.
2. WAL with synchronous=NORMAL: a killed process loses nothing, a power failure the last moments.
   What syncs (checkpoints) happens in the sweeper's thread.
3. A row that ends has a deadline on the monotonic clock of this boot, its lifetime, and a deadline
   on the wall clock. Only the first counts, until the first opening after a reboot: it gives each
   row a new one, from what is left by the wall clock, but never more than was left when a worker
   last looked, nor more than the lifetime.

apsw rather than the standard library's module: it brings one known SQLite, has exceptions by
cause, and starts no transactions of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import apsw
import trio
from thurn.plugin import Clock, ConfigError, TemporaryFailure

T = TypeVar("T")

BUSY_SECONDS: Final = 5.0
"""Writers of other workers take microseconds; who is kept out so long is told to come again."""
FIRST_WAIT_SECONDS: Final = 0.0005
LONGEST_WAIT_SECONDS: Final = 0.02
CHECKPOINT_PAGES: Final = 20_000
"""The sweeper does it long before; this bounds the log (80 MB) if it does not get to it."""
FORMAT: Final = 1

_SCHEMA: Final = """
CREATE TABLE entry (
    tab TEXT NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    deadline REAL,
    lifetime REAL,
    wall_deadline REAL,
    PRIMARY KEY (tab, key)
) WITHOUT ROWID;
CREATE INDEX entry_deadline ON entry (deadline) WHERE deadline IS NOT NULL;
CREATE TABLE boot (id TEXT NOT NULL, seen REAL NOT NULL);
INSERT INTO boot VALUES ('', 0);
"""
# Also rows that begin in the future: where boots cannot be told apart, those are of an earlier one.
_REBASE: Final = """
UPDATE entry
SET deadline = :now + max(0, min(wall_deadline - :wall, deadline - :seen, lifetime))
WHERE deadline IS NOT NULL AND (:rebooted OR deadline - lifetime > :now)
"""


class Database:
    """The file, opened by `async with`.

    Raises:
        ConfigError: it is no database, damaged, or of a newer version.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self.clock = clock
        self._path = path
        self._connection: apsw.Connection | None = None

    async def __aenter__(self) -> Database:
        try:
            self._connection = connect(self._path)
            await self._again_while_busy(self._set_up)
        except (apsw.NotADBError, apsw.CorruptError) as error:
            self._close()
            raise ConfigError(
                [f"{self._path} is damaged ({error}): move it away; grants and counters start anew"]
            ) from error
        except BaseException:
            self._close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def run(self, work: Callable[[apsw.Connection], T]) -> T:
        """The result of `work`, called again from its start whenever another worker is writing.

        Raises:
            TemporaryFailure: others write all the time, the disk is full or broken.
            Exception: whatever `work` raises.

        Cancellation: nothing was done.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        try:
            result = await self._again_while_busy(work)
        except apsw.Error as error:
            raise TemporaryFailure(f"shared state: {error}") from error
        await trio.lowlevel.cancel_shielded_checkpoint()
        return result

    async def _again_while_busy(self, work: Callable[[apsw.Connection], T]) -> T:
        connection = self._connection
        if connection is None:
            raise TemporaryFailure("shared state is closed")
        ends, wait = trio.current_time() + BUSY_SECONDS, FIRST_WAIT_SECONDS
        while True:
            try:
                return work(connection)
            except apsw.BusyError as error:
                if trio.current_time() > ends:
                    raise TemporaryFailure("shared state is busy") from error
            await trio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)

    def _set_up(self, connection: apsw.Connection) -> None:
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "normal")
        connection.pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        with writing(connection):
            version = connection.pragma("user_version")
            if version == 0:
                connection.execute(_SCHEMA)
                connection.pragma("user_version", FORMAT)
            elif version != FORMAT:
                raise ConfigError([f"{self._path} is of a newer version ({version})"])
            self._take_over(connection)

    def _take_over(self, connection: apsw.Connection) -> None:
        """Give rows of an earlier boot deadlines of this one."""
        ((boot, seen),) = connection.execute("SELECT id, seen FROM boot").fetchall()
        clock, now = self.clock, self.clock.monotonic()
        times = {
            "now": now,
            "wall": clock.wall(),
            "seen": seen,
            "rebooted": boot != clock.boot_id,
        }
        connection.execute(_REBASE, times)
        connection.execute("UPDATE boot SET id = ?, seen = ?", (clock.boot_id, now))


def connect(path: Path) -> apsw.Connection:
    """A connection that never waits."""
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(0)
    return connection


@contextmanager
def writing(connection: apsw.Connection) -> Iterator[None]:
    """A transaction that has the right to write from its start: only its start can be busy."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
