"""One SQLite file for all tables, shared by the site's workers.

Rules of this file:
1. Calls run inline: they take about ten microseconds, and a hop to a thread would take sixty.
   SQLite itself never waits; if another worker is writing, the task sleeps a moment and tries
   again.
2. The file is in WAL mode with synchronous=NORMAL: a killed process loses nothing, and a power
   failure loses the last moments. Checkpoints, which sync, happen in the sweeper's thread.
3. A row that ends has a deadline on the monotonic clock of this boot, its lifetime, and a deadline
   on the wall clock. Only the first one is used. The first opening after a reboot gives each row a
   new one, from the rest that the wall clock shows, but never more than the rest that a worker last
   saw, nor more than the lifetime.

The plugin uses apsw and not the standard library's module, since apsw brings a known SQLite, has
exceptions by cause, and starts no transactions of its own.
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
"""How long a call waits for other writers, in seconds, before it is a temporary failure. Writers
take microseconds."""
FIRST_WAIT_SECONDS: Final = 0.0005
"""Seconds before a busy call tries again for the first time; each wait is twice as long."""
LONGEST_WAIT_SECONDS: Final = 0.02
"""The longest wait between two tries of a busy call, in seconds."""
CHECKPOINT_PAGES: Final = 20_000
"""Pages after which a writer makes a checkpoint itself. The sweeper does so long before; this
bounds the log to 80 MB if the sweeper cannot."""
FORMAT: Final = 1
"""The version of the tables, kept as `user_version`."""

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
# Rows that begin in the future are changed as well: if boots cannot be told apart, such rows are
# from an earlier boot.
_REBASE: Final = """
UPDATE entry
SET deadline = :now + max(0, min(wall_deadline - :wall, deadline - :seen, lifetime))
WHERE deadline IS NOT NULL AND (:rebooted OR deadline - lifetime > :now)
"""


class Database:
    """The database, opened by `async with`.

    Raises:
        ConfigError: the file is not a database, is damaged, or has a newer version.
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
            text = f"{self._path} is damaged ({error}): move it away; grants then start empty"
            raise ConfigError([text]) from error
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
        """The result of `work`, which is called again from its start if another worker is writing.

        Raises:
            TemporaryFailure: other workers were writing all the time, or the disk is full or
            broken. Exception: whatever `work` raises.

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
                raise ConfigError([f"{self._path} has a newer version ({version})"])
            self._take_over(connection)

    def _take_over(self, connection: apsw.Connection) -> None:
        """Give the rows of an earlier boot deadlines on the clock of this one."""
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
    """A transaction that may write from its start, so that only its start can be busy."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
