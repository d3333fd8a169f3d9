"""`queue.db`: its tables, its opening, and the transaction of the commit log's rounds.

- `entry` has the waiting entries. `slot, generation, position` are the place of the body in the log
  until it is settled. `due` is the earliest `retry_at` of the recipients. `holder, boot, until` are
  the lease; a lease is not a durable change, so it is written without the log.
- `recipient` has a row for each recipient that is still to be served, by its number in the
  envelope.
- `accepted` has the ids and keys of the last days, so that neither a replay nor a repeat inserts an
  entry twice.
- `position` has the highest sequence number, and the time up to which `accepted` was pruned.

A round of the log may sync in a thread while other tasks run, so reads and leases use their own
connection, which does not see changes that are not yet durable.

Rules of this file: only opening waits for another process.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import apsw
import trio
from thurn.plugin import StorageError, StorageFull, StorageTrouble
from thurn_kit.exclusive import exclusive

T = TypeVar("T")

FILE: Final = "queue.db"
"""The name of the database file in the instance's directory."""
FORMAT: Final = 1
"""The version of the tables, kept as `user_version`; a file of another version is refused."""
OPEN_TIMEOUT_MS: Final = 5_000
"""Milliseconds for which workers that open the file at the same time wait for each other."""
BUSY_SECONDS: Final = 0.002
"""Seconds before a busy call tries again; a round of another worker lasts milliseconds."""
_FULL: Final = {errno.ENOSPC, errno.EDQUOT}

_SCHEMA: Final = """
CREATE TABLE entry(
    id TEXT PRIMARY KEY, envelope BLOB NOT NULL, prefix BLOB NOT NULL, length INTEGER NOT NULL,
    slot INTEGER, generation INTEGER, position INTEGER, queued_at REAL NOT NULL, due REAL NOT NULL,
    retried INTEGER NOT NULL, tries INTEGER NOT NULL, status BLOB, destination TEXT NOT NULL,
    holder TEXT, boot TEXT, until REAL);
CREATE INDEX free ON entry(retried, due, id, destination) WHERE holder IS NULL;
CREATE INDEX leased ON entry(holder) WHERE holder IS NOT NULL;
CREATE TABLE recipient(
    entry TEXT NOT NULL, number INTEGER NOT NULL, retry_at REAL NOT NULL,
    PRIMARY KEY(entry, number)) WITHOUT ROWID;
CREATE TABLE accepted(id TEXT PRIMARY KEY, key BLOB, at REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX accepted_key ON accepted(key) WHERE key IS NOT NULL;
CREATE INDEX accepted_at ON accepted(at);
CREATE TABLE position(highest INTEGER NOT NULL, pruned_at REAL NOT NULL);
INSERT INTO position VALUES(0, 0);
"""


def connect(path: Path, *, timeout_ms: int = OPEN_TIMEOUT_MS) -> apsw.Connection:
    """A connection to the file, which is created if it is missing.

    Raises:
        StorageError: the file cannot be opened, or has another version.
    """
    with engine_errors():
        with suppress(FileExistsError):  # SQLite gives the same mode to its other files
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW, 0o600))
        connection = apsw.Connection(str(path))
        try:
            connection.set_busy_timeout(timeout_ms)
            connection.execute("PRAGMA synchronous=NORMAL")
            with exclusive(path.parent):
                if connection.pragma("user_version") != FORMAT:
                    _make(connection)
        except BaseException:
            connection.close()
            raise
    return connection


def _make(connection: apsw.Connection) -> None:
    connection.pragma("journal_mode", "wal")
    with transaction(connection):
        version = connection.pragma("user_version")  # another worker may have made the tables
        if version not in (0, FORMAT):
            raise StorageTrouble(f"the queue has format {version}, and this version needs {FORMAT}")
        if version == 0:
            connection.execute(_SCHEMA)
            connection.pragma("user_version", FORMAT)


@contextmanager
def transaction(connection: apsw.Connection) -> Iterator[None]:
    """A transaction that may write from its start, so that only its start can be busy."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def engine_errors() -> Iterator[None]:
    """Turn errors of SQLite and the file system into StorageErrors."""
    try:
        yield
    except (apsw.Error, OSError) as error:
        full = isinstance(error, apsw.FullError) or getattr(error, "errno", 0) in _FULL
        kind: type[StorageError] = StorageFull if full else StorageTrouble
        raise kind(f"{type(error).__name__}: {error}") from error


async def when_free(work: Callable[[], T]) -> T:
    """The result of `work`, which is started again while another connection writes.

    Raises:
        StorageError: SQLite or the file system failed.

    Cancellation: nothing was done.
    """
    while True:
        try:
            with engine_errors():
                return work()
        except StorageTrouble as error:
            if not isinstance(error.__cause__, apsw.BusyError):
                raise
        await trio.sleep(BUSY_SECONDS)


def one(connection: apsw.Connection, sql: str, *values: str | float | bytes | None) -> Any:  # noqa: ANN401 - as the schema says
    """The first row of a query, or None."""
    return connection.execute(sql, values).fetchone()


class Database:
    """The two connections of a worker; the `Resource` of the commit log.

    Attributes:
        writer: the connection for changes in a round of the log.
        side: the connection for reads and leases.
    """

    def __init__(self, path: Path) -> None:
        self.writer = connect(path)
        try:
            self.side = connect(path)
        except BaseException:
            self.writer.close()
            raise
        self.writer.set_busy_timeout(0)
        self.side.set_busy_timeout(0)
        self._highest = self._taken = 0

    def close(self) -> None:
        """Close both connections; an open transaction is rolled back."""
        self.rollback()
        self.writer.close()
        self.side.close()

    def begin(self) -> bool:
        """Start a transaction; False if another connection has one."""
        try:
            with engine_errors():
                self.writer.execute("BEGIN IMMEDIATE")
                self._highest = self._taken = one(self.writer, "SELECT highest FROM position")[0]
        except StorageError as error:
            self.rollback()
            if isinstance(error.__cause__, apsw.BusyError):
                return False
            raise
        return True

    def take_sequence(self) -> int:
        """The next sequence number."""
        self._taken += 1
        return self._taken

    def commit(self) -> None:
        """Make the rows visible; raises StorageError after a rollback if that fails."""
        try:
            with engine_errors():
                if self._taken != self._highest:
                    self.writer.execute("UPDATE position SET highest = ?", (self._taken,))
                self.writer.execute("COMMIT")
        except StorageError:
            self.rollback()
            raise

    def rollback(self) -> None:
        """Roll the transaction back."""
        if self.writer.in_transaction:
            self.writer.execute("ROLLBACK")
