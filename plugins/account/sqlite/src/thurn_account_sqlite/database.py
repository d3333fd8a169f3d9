"""The SQLite file, shared by the site's workers and by commands.

Rules of this file:
1. Reads run inline on one read-only connection: a look-up takes a few microseconds, and a hop to a
   thread would take sixty. In WAL mode readers do not wait for writers; at the rare moments when
   they must, the task sleeps and tries again.
2. Writes run in a thread, each on its own connection, and are on the disk (synchronous=FULL) when
   they return, unless the caller asks for less.
3. Every look-up checks that the open file is still the one at the path. A missing file is a
   failure, not an empty database; another file in its place (a restored backup) is opened.
4. Every failure is TemporaryFailure; at the start it is a ConfigError.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

import apsw
import trio
from thurn.plugin import ConfigError, TemporaryFailure

from thurn_account_sqlite import schema

T = TypeVar("T")
Version: TypeAlias = tuple[int, int]
"""A pair that differs after every change by any process; answers of another version may be old."""

BUSY_SECONDS: Final = 5.0
"""How long a read or write waits for others, in seconds, before it is a temporary failure. Writers
take milliseconds, an import about a second."""
FIRST_WAIT_SECONDS: Final = 0.0005
"""Seconds before a busy read tries again for the first time; each wait is twice as long."""
LONGEST_WAIT_SECONDS: Final = 0.02
"""The longest wait between two tries of a busy read, in seconds."""
FILE_MODE: Final = 0o600
"""The mode of a new file: it holds hashes and keys, so only the site's account can read it."""


class Database:
    """The database, opened by `async with`.

    Raises:
        ConfigError: the file is not a database, is damaged or locked, has a newer version, or can
            be read by everybody.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: apsw.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._opened = 0
        self._closed = True
        self._writers = trio.CapacityLimiter(1)

    async def __aenter__(self) -> Database:
        try:
            await trio.to_thread.run_sync(prepare, self.path)
        except (apsw.NotADBError, apsw.CorruptError) as error:
            raise ConfigError(
                [f"{self.path} is damaged ({error}): put a backup in its place"]
            ) from error
        except apsw.BusyError as error:
            raise ConfigError([f"{self.path} is locked by another program"]) from error
        except (apsw.Error, OSError) as error:
            raise ConfigError([f"{self.path} cannot be used: {error}"]) from error
        self._closed = False
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closed = True
        self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def version(self) -> Version:
        """The version of the accounts that a read would see now.

        Raises:
            TemporaryFailure: see `read`.
        """
        number = await self._again_while_busy(_data_version)
        return self._opened, number

    async def read(self, work: Callable[[apsw.Connection], T]) -> T:
        """The result of `work` on one consistent state of the accounts.

        Raises:
            TemporaryFailure: the file is missing, locked, damaged or unreadable.

        Cancellation: nothing was done.
        """

        def snapshot(connection: apsw.Connection) -> T:
            with _transaction(connection, "BEGIN"):
                return work(connection)

        return await self._again_while_busy(snapshot)

    async def write(
        self,
        work: Callable[[apsw.Connection], T],
        *,
        durable: bool = True,
        patience_seconds: float = BUSY_SECONDS,
    ) -> T:
        """Run `work` in a transaction, and return its result; nothing is changed if it raises.

        Args:
            work: makes the changes.
            durable: whether the changes must survive a power failure; the end of a process never
                undoes them.
            patience_seconds: how long to wait for other writers.

        Raises:
            TemporaryFailure: the file is missing, locked or damaged, or the disk is full.
            Exception: whatever `work` raises.

        Cancellation: waits for the thread; the changes may have been made or not.
        """

        def in_thread() -> T:
            if not self.path.exists():
                raise TemporaryFailure(f"the accounts are missing: there is no {self.path}")
            with contextlib.closing(_connect(self.path)) as connection:
                connection.set_busy_timeout(int(patience_seconds * 1000))
                connection.pragma("synchronous", "full" if durable else "normal")
                connection.pragma("foreign_keys", True)
                with _transaction(connection, "BEGIN IMMEDIATE"):
                    return work(connection)

        try:
            return await trio.to_thread.run_sync(in_thread, limiter=self._writers)
        except (apsw.Error, OSError) as error:
            raise TemporaryFailure(f"accounts in {self.path}: {error}") from error

    @property
    def writing(self) -> bool:
        """Whether this process is writing now."""
        return self._writers.borrowed_tokens > 0

    async def _again_while_busy(self, work: Callable[[apsw.Connection], T]) -> T:
        await trio.lowlevel.checkpoint_if_cancelled()
        ends, wait = trio.current_time() + BUSY_SECONDS, FIRST_WAIT_SECONDS
        while True:
            try:
                return work(self._current())
            except apsw.BusyError as error:
                if trio.current_time() > ends:
                    raise TemporaryFailure(f"accounts in {self.path} are locked") from error
            except (apsw.Error, OSError) as error:
                raise TemporaryFailure(f"accounts in {self.path}: {error}") from error
            await trio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)

    def _current(self) -> apsw.Connection:
        """The connection to the file that is now at the path."""
        if self._closed:
            raise TemporaryFailure("the accounts are closed")
        status = os.stat(self.path)  # noqa: PTH116 - twice as fast as Path.stat, per look-up
        file = status.st_dev, status.st_ino
        if self._connection is None or file != self._file:
            self._close()
            connection = _connect(self.path)
            try:
                _check_version(connection, self.path)
                connection.pragma("query_only", True)
            except BaseException:
                connection.close()
                raise
            self._connection, self._file = connection, file
            self._opened += 1
        return self._connection


def prepare(path: Path) -> None:
    """Create the file if it is missing, and migrate its tables.

    Several processes may do so at once.

    Raises:
        ConfigError: everybody can read the file, or it has a newer version.
        apsw.Error: the file is not a database, or is damaged or locked.
        OSError: the file cannot be created.
    """
    _create(path)
    if path.stat().st_mode & stat.S_IROTH:
        raise ConfigError([f"everybody can read {path}: chmod 600 it"])
    with contextlib.closing(_connect(path)) as connection:
        connection.set_busy_timeout(int(BUSY_SECONDS * 1000))
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "full")
        with _transaction(connection, "BEGIN IMMEDIATE"):
            version = _user_version(connection)
            if version > len(schema.MIGRATIONS):
                raise ConfigError([_newer(path, version)])
            for script in schema.MIGRATIONS[version:]:
                connection.execute(script)
            connection.pragma("user_version", len(schema.MIGRATIONS))


def _create(path: Path) -> None:
    """Create an empty file that nobody else can read, if it is missing."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE))


def _check_version(connection: apsw.Connection, path: Path) -> None:
    """Check a file that was put in the place of the database later."""
    version = _user_version(connection)
    if version != len(schema.MIGRATIONS):
        text = _newer(path, version) if version else f"{path} has no accounts"
        raise TemporaryFailure(text)


def _newer(path: Path, version: int) -> str:
    return f"{path} has another version ({version}, not {len(schema.MIGRATIONS)}): update thurn"


def _connect(path: Path) -> apsw.Connection:
    """A connection that never waits and never creates a file."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_timeout(0)
    return connection


def _user_version(connection: apsw.Connection) -> int:
    return int(str(connection.pragma("user_version")))


def _data_version(connection: apsw.Connection) -> int:
    return int(str(connection.pragma("data_version")))


@contextmanager
def _transaction(connection: apsw.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
