"""The SQLite file, shared by the site's workers and by commands.

Rules of this file:
1. Reads run inline on one read-only connection: a look-up takes microseconds, a thread would take
   sixty. In WAL mode readers do not wait for writers; the rare moment when they must, the task
   sleeps and tries again.
2. Writes run in a thread, each on a connection of its own, and are on the disk (synchronous=FULL)
   when they return.
3. Every look-up makes sure that the path still is the file that is open. One that is missing is
   trouble, not an empty one; one put in its place (a restored backup) is opened anew.
4. Trouble of any kind is TemporaryFailure; at the start it is a ConfigError.
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
"""Grows with every change of any process: what was read under another version may be stale."""

BUSY_SECONDS: Final = 5.0
"""Writers take milliseconds (an import a second); who is kept out longer is told to come again."""
FIRST_WAIT_SECONDS: Final = 0.0005
LONGEST_WAIT_SECONDS: Final = 0.02
FILE_MODE: Final = 0o600


class Database:
    """The file, opened by `async with`.

    Raises:
        ConfigError: it is no database, damaged, of a newer version, or open to everybody.
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
        """Which state of the accounts a read would see now.

        Raises:
            TemporaryFailure: see `read`.
        """
        number = await self._again_while_busy(_data_version)
        return self._opened, number

    async def read(self, work: Callable[[apsw.Connection], T]) -> T:
        """The result of `work` on one state of the accounts.

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
        """The result of `work`, whose changes are all on the disk; none if it raises.

        Args:
            work: what to do.
            durable: whether a power failure must not undo it; a killed process never does.
            patience_seconds: how long others may keep it out.

        Raises:
            TemporaryFailure: the file is missing, locked, damaged, or the disk is full.
            Exception: whatever `work` raises.

        Cancellation: waits for the thread; whether it was done is not known.
        """

        def in_thread() -> T:
            if not self.path.exists():
                raise TemporaryFailure(f"the accounts are missing: no {self.path}")
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
        """Whether this worker is writing now."""
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
        """The connection to the file that is at the path now."""
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
    """Make the file if there is none, and bring its tables up to date; several may do so at once.

    Raises:
        ConfigError: it can be read by everybody, or is of a newer version.
        apsw.Error: it is no database, damaged, locked.
        OSError: it cannot be made.
    """
    _create(path)
    if path.stat().st_mode & stat.S_IROTH:
        raise ConfigError([f"{path} can be read by everybody: chmod 600 it"])
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
    """An empty file that nobody else can read, if there is none."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE))


def _check_version(connection: apsw.Connection, path: Path) -> None:
    """What a file that was put in place later must be."""
    version = _user_version(connection)
    if version != len(schema.MIGRATIONS):
        text = _newer(path, version) if version else f"{path} has no accounts"
        raise TemporaryFailure(text)


def _newer(path: Path, version: int) -> str:
    return f"{path} is of another version ({version}, not {len(schema.MIGRATIONS)}): update thurn"


def _connect(path: Path) -> apsw.Connection:
    """A connection that never waits and never makes a file."""
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
