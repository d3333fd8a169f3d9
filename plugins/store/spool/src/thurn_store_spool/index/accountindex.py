"""One account's index in this worker: its connections, one transaction at a time, its numbers.

The index is the truth, and other workers change it too. The numbers and the tree of mailboxes that
an `AccountIndex` knows are valid as long as SQLite's data_version says that nobody else has
committed; its own commits keep them up to date. While a transaction is open nobody else can commit,
so they stay valid. Everything else that a worker remembers of an account is in `cache`.

A round of the commit log may sync in a thread while other tasks run. Those must not see what is not
yet durable, so reading goes through `snapshot`, which uses a second connection during a
transaction, and numbers of the transaction become known only at its commit.

Rules of this file: on the worker's own thread; only opening waits for another process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import apsw
from thurn.plugin import AccountId, LimitReached, StorageError, StorageTrouble

from thurn_store_spool.index.query import select_one
from thurn_store_spool.index.row import LAST_UID, read_highest, read_uidnext
from thurn_store_spool.index.schema import has_bodies, open_index, open_second
from thurn_store_spool.index.tree import MailboxRow, Tree, read_tree, with_row
from thurn_store_spool.index.trouble import TroubleError, is_lasting, missing_index
from thurn_store_spool.layout import BODIES, INDEX

GROWN_CHANGES: Final = 4_096
"""Changes after which kept copies may be worth writing anew: moving copies on by as many takes some
milliseconds."""

CHECKPOINT_PAGES: Final = 1_000
"""Pages by which SQLite's log (WAL) grows before it is written back into the index. A thread does
it, since it syncs twice."""

LONGEST_PAGES: Final = 4 * CHECKPOINT_PAGES
"""Pages of SQLite's log (16 MiB) from which it is written back between two commits, because writing
that never rests keeps the thread from finishing. A first look has to go through all of them."""


class IndexEvents(Protocol):
    """The receiver of an index's events (the pool).

    Only `check` and `check_opening` may raise.
    """

    def check(self, index: AccountIndex) -> None:
        """A transaction is to begin. Raises StorageTrouble if the account must take none."""

    def check_opening(self, index: AccountIndex) -> None:
        """A connection is to be opened. Raises StorageTrouble if the account must be mended."""

    def failed(self, index: AccountIndex, error: Exception) -> StorageError:
        """Something raised; returns it in the store's terms."""

    def closing(self, connections: list[apsw.Connection]) -> None:
        """These connections are not used any more; they must be closed."""

    def opened(self, index: AccountIndex, tended_at: int) -> None:
        """A connection was opened; the index was last pruned at this time, POSIX seconds."""

    def used(self, index: AccountIndex) -> None:
        """The index has an open connection and is used now."""

    def grown(self, index: AccountIndex) -> None:
        """The index has had many changes since copies of its columns were kept."""

    def log_grown(self, index: AccountIndex) -> None:
        """SQLite's log of the index is to be written back."""


@dataclass(slots=True)
class _Transaction:
    """What an open transaction has changed of that which the index object knows."""

    connection: apsw.Connection
    highest: int
    tree: Tree | None
    uidnext: dict[int, int] = field(default_factory=dict)
    tree_changed: bool = False


class AccountIndex:
    """The index of one account; a `Resource` of the commit log.

    Attributes:
        account: the account's id.
        directory: the account's directory.
        note_path: where the note of its trouble lies, if it has any.
        well_as_of: the mark of all notes from before it was seen without one.
    """

    __slots__ = (
        "__weakref__",
        "_connection",
        "_copied",
        "_events",
        "_highest",
        "_is_broken",
        "_logged_pages",
        "_pager_version",
        "_pruned",
        "_second",
        "_transaction",
        "_tree",
        "_uidnext",
        "_version",
        "account",
        "directory",
        "note_path",
        "well_as_of",
    )

    def __init__(
        self, account: AccountId, directory: Path, events: IndexEvents, note_path: str = ""
    ) -> None:
        self.account = account
        self.directory = directory
        self.note_path = note_path
        self.well_as_of: bytes | None = None
        self._events = events
        self._connection: apsw.Connection | None = None
        self._second: apsw.Connection | None = None
        self._transaction: _Transaction | None = None
        self._version = -1
        self._pager_version = -1
        self._highest = -1
        self._pruned = 0
        self._copied = 0
        self._logged_pages = 0
        self._is_broken = False
        self._tree: Tree | None = None
        self._uidnext: dict[int, int] = {}

    # The connections.

    @property
    def is_connected(self) -> bool:
        """Whether it has a connection that nothing has been wrong with."""
        return self._connection is not None and not self._is_broken

    def connect(self, *, is_beginning: bool = False) -> apsw.Connection:
        """The main connection. Opens it, and makes the account's directory, where that is needed.

        Args:
            is_beginning: see `open_index`.

        Raises:
            StorageError: it cannot be opened.
        """
        if self._is_broken and self._transaction is None:
            # Perhaps another file lies there by now; this one is not written to again.
            self._events.closing(self.disconnect())
        connection = self._connection
        if connection is None:
            self._events.check_opening(self)
            try:
                connection = self._open(is_beginning=is_beginning)
            except Exception as error:
                raise self.failed(error) from error
        self._events.used(self)
        return connection

    def _open(self, *, is_beginning: bool) -> apsw.Connection:
        self.make_directory(is_beginning=is_beginning)
        connection = open_index(self.directory, self.account, is_beginning=is_beginning)
        try:
            tended_at, copied = select_one(
                connection, "SELECT tended_at, (SELECT coalesce(max(seen), 0) FROM kept) FROM floor"
            )
        except BaseException:
            connection.close()
            raise
        self._connection, self._copied = connection, copied
        self._version = self._pager_version = -1
        connection.set_wal_hook(self._logged)
        self._events.opened(self, tended_at)
        return connection

    def reopen(self) -> None:
        """The account was mended: perhaps another file lies there now."""
        self._is_broken = self._connection is not None

    def failed(self, error: Exception) -> StorageError:
        """An error in the store's terms. After trouble of its own the account is opened anew."""
        failure = self._events.failed(self, error)
        if isinstance(failure, StorageTrouble) and failure.account and is_lasting(error):
            self._is_broken = True
        return failure

    def _logged(self, connection: apsw.Connection, _name: str, pages: int) -> int:
        """SQLite calls it after a commit, with the pages of its log; must not raise."""
        if pages < self._logged_pages:
            self._logged_pages = 0  # the log has begun anew
        if pages >= self._logged_pages + CHECKPOINT_PAGES:
            self._logged_pages = pages
            if pages < LONGEST_PAGES:
                self._events.log_grown(self)
            else:
                with suppress(apsw.Error):  # the thread is at it; then the next commit does it
                    connection.wal_checkpoint()
        return apsw.SQLITE_OK

    def make_directory(self, *, is_beginning: bool = False) -> None:
        """Make the account's directory if it is missing.

        Raises:
            TroubleError: only the index is missing; see `open_index`.
            OSError: it cannot be made.
        """
        path = self.directory / INDEX
        if path.exists():
            return
        if not is_beginning and has_bodies(self.directory):
            raise missing_index()
        fan_out, accounts = self.directory.parents[:2]
        for directory in (accounts, fan_out, self.directory, self.directory / BODIES):
            directory.mkdir(mode=0o700, exist_ok=True, parents=True)
        # SQLite gives the mode of this file to those beside it. An existing file is never opened
        # here: closing it would drop the locks that a connection of this process has on it.
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW, 0o600))

    def disconnect(self) -> list[apsw.Connection]:
        """Give away the connections, to be closed; not during a transaction."""
        if self._transaction is not None:
            raise StorageTrouble("the index has an open transaction")
        connections = [c for c in (self._connection, self._second) if c is not None]
        self._connection = self._second = None
        self._is_broken = False
        self._forget()
        return connections

    def _forget(self) -> None:
        self._highest = -1
        self._tree = None
        self._uidnext.clear()

    def _check_version(self, connection: apsw.Connection) -> None:
        version = connection.pragma("data_version")
        self._pager_version = connection.data_version()
        if version != self._version:
            self._forget()
            self._version = version
        if self._highest < 0:
            self._highest = read_highest(connection)
            self._pruned = select_one(connection, "SELECT pruned FROM floor")[0]

    # The resource.

    @property
    def in_transaction(self) -> bool:
        """Whether a round of the commit log has it open."""
        return self._transaction is not None

    def begin(self) -> bool:
        """Start a transaction; False when another worker has one."""
        if self._transaction is not None:
            return False
        self._events.check(self)
        connection = self.connect()
        try:
            connection.execute("BEGIN IMMEDIATE")
        except apsw.BusyError:
            return False
        except apsw.Error as error:
            raise self.failed(error) from error
        # The pager's own number, which also moves with our commits, costs no statement.
        if self._highest < 0 or connection.data_version() != self._pager_version:
            try:
                self._check_version(connection)
            except Exception as error:
                connection.execute("ROLLBACK")
                raise self.failed(error) from error
        self._transaction = _Transaction(connection, self._highest, self._tree)
        return True

    def commit(self) -> None:
        """Make the rows visible.

        Raises:
            StorageError: they are not visible, and the transaction is forgotten.
        """
        transaction, self._transaction = self._transaction, None
        if transaction is None or self._connection is None:
            raise StorageTrouble("no transaction to commit")
        try:
            self._connection.execute("COMMIT")
        except apsw.Error as error:
            self.rollback()  # SQLite has done it by itself when the disk is full
            raise self.failed(error) from error
        self._pager_version = self._connection.data_version()
        self._highest = transaction.highest
        if self._highest - self._copied >= GROWN_CHANGES:
            self._copied = self._highest  # the next call comes after as many more
            self._events.grown(self)
        self._uidnext.update(transaction.uidnext)
        if transaction.tree_changed or self._tree is None:
            self._tree = transaction.tree

    def rollback(self) -> None:
        """Forget the transaction."""
        self._transaction = None
        if self._connection is not None and self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    # Inside the transaction.

    def _opened(self) -> _Transaction:
        if self._transaction is None:
            raise StorageTrouble("a change outside a transaction")
        return self._transaction

    @property
    def writer(self) -> apsw.Connection:
        """The connection with the open transaction."""
        return self._opened().connection

    @property
    def written_highest(self) -> int:
        """The highest MODSEQ, with those that the transaction has given out."""
        return self._opened().highest

    @property
    def written_tree(self) -> Tree:
        """The mailboxes, with what the transaction has changed."""
        transaction = self._opened()
        if transaction.tree is None:
            transaction.tree = read_tree(self.writer)
        return transaction.tree

    def tree_changed(self) -> None:
        """Mailboxes were renamed or removed in the transaction."""
        transaction = self._opened()
        transaction.tree = None
        transaction.tree_changed = True

    def row_made(self, row: MailboxRow) -> None:
        """A mailbox, or a keyword of it, was made in the transaction."""
        tree = with_row(self.written_tree, row)
        transaction = self._opened()
        transaction.tree = tree
        transaction.tree_changed = True

    def take_modseq(self) -> int:
        """The account's next MODSEQ."""
        transaction = self._opened()
        transaction.highest += 1
        return transaction.highest

    def take_uids(self, mailbox: int, count: int = 1) -> int:
        """The first of so many new UIDs of a mailbox.

        Raises:
            LimitReached: the mailbox has no UIDs left.
        """
        transaction = self._opened()
        uid = transaction.uidnext.get(mailbox) or self._uidnext.get(mailbox)
        if uid is None:
            uid = read_uidnext(self.writer, mailbox)
        if uid + count > LAST_UID:
            raise LimitReached
        transaction.uidnext[mailbox] = uid + count
        return uid

    def peek_uid(self, mailbox: int) -> int:
        """UIDNEXT in the transaction."""
        return self.take_uids(mailbox, 0)

    def numbers_unknown(self) -> None:
        """The transaction has written numbers that this object did not give out; for replay."""
        transaction = self._opened()
        transaction.highest = read_highest(self.writer)
        transaction.uidnext.clear()
        self._uidnext.clear()
        self.tree_changed()

    # Reading what is committed.

    def is_unchanged(self) -> bool:
        """Whether nobody else has committed since the last look; cheap."""
        if self._transaction is not None:
            return True
        connection = self.connect()
        try:
            version = connection.pragma("data_version")
        except apsw.Error as error:
            raise self.failed(error) from error
        return bool(version == self._version and self._highest >= 0)

    def known_tree(self) -> Tree | None:
        """The committed mailboxes; None when they must be read, by `tree` in a snapshot."""
        return self._tree if self._tree is not None and self.is_unchanged() else None

    def ask_for_copies(self) -> None:
        """Copies of the columns may be worth keeping; the upkeep looks."""
        self._events.grown(self)

    @property
    def has_copies(self) -> bool:
        """Whether copies of columns were kept when the index was opened, or are asked for since."""
        return self._copied > 0

    @property
    def pruned(self) -> int:
        """The MODSEQ up to which change rows may be missing, as of the last look."""
        return self._pruned

    @property
    def known_highest(self) -> int:
        """The highest committed MODSEQ, as of the last look."""
        return self._highest

    @contextmanager
    def snapshot(self) -> Iterator[apsw.Connection]:
        """A connection that sees one committed state; the known numbers and tree agree with it.

        Raises:
            StorageError: the index cannot be read.
        """
        try:
            connection = self.reader()
            connection.execute("BEGIN")
            try:
                if self._transaction is None:
                    self._check_version(connection)
                yield connection
            finally:
                connection.execute("COMMIT")
        except (apsw.Error, OSError) as error:
            raise self.failed(error) from error

    def reader(self) -> apsw.Connection:
        """A connection for one SELECT, which is a snapshot by itself.

        Raises:
            StorageError: the index cannot be opened.
        """
        if self._transaction is None:
            return self.connect()
        if self._second is None:
            try:
                self._second = open_second(self.directory / INDEX)
            except (apsw.Error, TroubleError) as error:
                raise self.failed(error) from error
            if self._second is None:
                raise StorageTrouble("the index has gone", account=self.account)
        return self._second

    def tree(self, connection: apsw.Connection) -> Tree:
        """The committed mailboxes; `connection` is the snapshot's."""
        if self._tree is None:
            self._tree = read_tree(connection)
        return self._tree
