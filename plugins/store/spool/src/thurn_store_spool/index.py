"""An account's index in this worker: one transaction at a time, and what is known between them.

The index is the truth and other workers change it too. What is kept in memory (tree, numbers,
views, totals) is valid as long as SQLite's data_version says that nobody else has committed; own
commits keep it up to date. While a transaction is open nobody else can commit, so it stays valid.

A round of the commit log may sync in a thread while other tasks run: they must not see what is not
yet durable. So reading goes through `snapshot`, which uses a second connection during a
transaction, and numbers of the transaction become known only at its commit.

Rules of this file: on the worker's own thread; nothing waits for another process but the opening.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import apsw
from thurn.plugin import AccountId, Document, LimitReached, StorageTrouble

from thurn_store_spool.operation import Operation
from thurn_store_spool.perform import row_id
from thurn_store_spool.place import BODIES, INDEX
from thurn_store_spool.query import select_one
from thurn_store_spool.recent import Recent
from thurn_store_spool.schema import open_index, open_reader, storage_error
from thurn_store_spool.tree import MailboxRow, Tree, read_tree, with_row

if TYPE_CHECKING:
    from thurn_store_spool.columns import Columns
    from thurn_store_spool.pool import Pool
    from thurn_store_spool.totals import AccountTotals

LAST_UID: Final = (1 << 32) - 1
"""RFC 9051 §2.3.1.1: UIDs have 32 bits."""

GROWN_CHANGES: Final = 4_096
"""Kept copies that are as old are worth a look: going on from them takes some milliseconds."""


CHECKPOINT_PAGES: Final = 1_000
"""After as many more pages the engine's log is written back: in a thread, for that syncs twice."""

LONGEST_PAGES: Final = 4 * CHECKPOINT_PAGES
"""Writing that never rests keeps the log from beginning anew: then what the thread has left over is
written back between two commits. 16 MiB, the most that a first look has to go through."""


@dataclass(slots=True)
class _Transaction:
    connection: apsw.Connection
    highest: int
    tree: Tree | None
    done: list[Operation] = field(default_factory=list)
    uidnext: dict[int, int] = field(default_factory=dict)
    tree_changed: bool = False
    documents_changed: bool = False


class AccountIndex:
    """See the module. A `Resource` of the commit log.

    Attributes:
        account: whose.
        directory: where it lies.
        active: active documents by kind as they were read, with the mark from before.
        columns: views by mailbox number.
        recent: what this worker has committed last.
        totals: counts of all mailboxes; None until asked for.
        is_made: the account has been seen with its INBOX, which it keeps for ever.
    """

    __slots__ = (
        "__weakref__",
        "_connection",
        "_highest",
        "_kept",
        "_logged_pages",
        "_pager_version",
        "_pool",
        "_pruned",
        "_reader",
        "_transaction",
        "_tree",
        "_uidnext",
        "_version",
        "account",
        "active",
        "columns",
        "directory",
        "is_made",
        "recent",
        "totals",
    )

    def __init__(self, account: AccountId, directory: Path, pool: Pool) -> None:
        self.account = account
        self.directory = directory
        self.active: dict[str, tuple[bytes | None, Document | None]] = {}
        self.columns: dict[int, Columns] = {}
        self.recent = Recent()
        self.totals: AccountTotals | None = None
        self.is_made = False
        self._pool = pool
        self._connection: apsw.Connection | None = None
        self._reader: apsw.Connection | None = None
        self._transaction: _Transaction | None = None
        self._version = -1
        self._pager_version = -1
        self._highest = -1
        self._pruned = 0
        self._kept = 0
        self._logged_pages = 0
        self._tree: Tree | None = None
        self._uidnext: dict[int, int] = {}

    # The connection.

    def connect(self) -> apsw.Connection:
        """The connection; opened, and the account's directory made, when it is not open.

        Raises:
            StorageError: it cannot be.
        """
        connection = self._connection
        if connection is None:
            try:
                self.make_directory()
                connection = self._connection = open_index(self.directory / INDEX, self.account)
            except (apsw.Error, OSError) as error:
                raise storage_error(error) from error
            self._version = self._pager_version = -1
            tended_at, self._kept = select_one(
                connection, "SELECT tended_at, (SELECT coalesce(max(seen), 0) FROM kept) FROM floor"
            )
            connection.set_wal_hook(self._logged)
            self._pool.opened(self, tended_at)
        self._pool.used(self)
        return connection

    def _logged(self, connection: apsw.Connection, _name: str, pages: int) -> int:
        """The engine's log has so many pages after a commit; must not raise, for that is done."""
        if pages < self._logged_pages:
            self._logged_pages = 0  # it has begun anew
        if pages >= self._logged_pages + CHECKPOINT_PAGES:
            self._logged_pages = pages
            if pages < LONGEST_PAGES:
                self._pool.logged(self)
            else:
                with suppress(apsw.Error):  # the thread is at it; the next time
                    connection.wal_checkpoint()
        return apsw.SQLITE_OK

    def make_directory(self) -> None:
        """The account's directory is there. Raises OSError."""
        path = self.directory / INDEX
        if path.exists():
            return
        fan_out, accounts = self.directory.parents[:2]
        for directory in (accounts, fan_out, self.directory, self.directory / BODIES):
            directory.mkdir(mode=0o700, exist_ok=True, parents=True)
        # SQLite gives the mode of the file to those beside it. Never opened when it exists: closing
        # it again would drop the locks that a connection of this process has on it.
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW, 0o600))

    @property
    def in_transaction(self) -> bool:
        """Whether a round of the log has it open."""
        return self._transaction is not None

    def disconnect(self) -> list[apsw.Connection]:
        """Give away the connections, to be closed; not during a transaction."""
        if self._transaction is not None:
            raise StorageTrouble("the index has an open transaction")
        connections = [c for c in (self._connection, self._reader) if c is not None]
        self._connection = self._reader = None
        self._forget()
        self.active.clear()
        self.columns.clear()
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
            self.recent.forget(self._highest)
            self._pruned = select_one(connection, "SELECT pruned FROM floor")[0]

    # The resource.

    def begin(self) -> bool:
        """Start a transaction; False when another worker has one."""
        if self._transaction is not None:
            return False
        connection = self.connect()
        try:
            connection.execute("BEGIN IMMEDIATE")
        except apsw.BusyError:
            return False
        except apsw.Error as error:
            raise storage_error(error) from error
        # The pager's own number, which also moves with our commits, costs no statement.
        if self._highest < 0 or connection.data_version() != self._pager_version:
            try:
                self._check_version(connection)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
        self._transaction = _Transaction(connection, self._highest, self._tree)
        return True

    def commit(self) -> None:
        """Make the rows visible.

        Raises:
            StorageError: they are not, and the transaction is forgotten.
        """
        transaction, self._transaction = self._transaction, None
        if transaction is None or self._connection is None:
            raise StorageTrouble("no transaction to commit")
        try:
            self._connection.execute("COMMIT")
        except apsw.Error as error:
            self.rollback()  # SQLite has done it by itself when the disk is full
            raise storage_error(error) from error
        self._pager_version = self._connection.data_version()
        if self.columns and transaction.highest - self._highest == len(transaction.done):
            self.recent.add(transaction.done)
        elif transaction.highest != self._highest:  # or nobody would look, or not all is known
            self.recent.forget(transaction.highest)
        self._highest = transaction.highest
        if self._highest - self._kept >= GROWN_CHANGES:
            self._kept = self._highest  # the next time after as many more
            self._pool.grown(self)
        self._uidnext.update(transaction.uidnext)
        if transaction.documents_changed:
            self._pool.mark.change()
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
    def open_tree(self) -> Tree:
        """The mailboxes, with what the transaction has done."""
        transaction = self._opened()
        if transaction.tree is None:
            transaction.tree = read_tree(self.writer)
        return transaction.tree

    def columns_now(self, mailbox: int) -> Columns | None:
        """The columns of a mailbox, if they are known and the transaction has changed nothing."""
        columns = self.columns.get(mailbox)
        return columns if columns and columns.seen == self._opened().highest else None

    def tree_changed(self) -> None:
        """Mailboxes were renamed or removed in the transaction."""
        transaction = self._opened()
        transaction.tree = None
        transaction.tree_changed = True

    def row_made(self, row: MailboxRow) -> None:
        """A mailbox was made in the transaction, or a keyword of it."""
        tree = with_row(self.open_tree, row)
        transaction = self._opened()
        transaction.tree = tree
        transaction.tree_changed = True

    @property
    def mark(self) -> bytes | None:
        """See `mark`."""
        return self._pool.mark.read()

    def documents_changed(self) -> None:
        """A document was changed in the transaction."""
        self._opened().documents_changed = True

    def note(self, operation: Operation) -> None:
        """An operation was done in the transaction."""
        self._opened().done.append(operation)

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
        """Numbers were written that this object did not give out; for replay."""
        transaction = self._opened()
        transaction.highest = read_highest(self.writer)
        transaction.uidnext.clear()
        self._uidnext.clear()
        self.tree_changed()
        self.documents_changed()

    # Reading what is committed.

    def is_unchanged(self) -> bool:
        """Whether nobody else has committed since the last look; cheap."""
        if self._transaction is not None:
            return True
        connection = self.connect()
        try:
            version = connection.pragma("data_version")
        except apsw.Error as error:
            raise storage_error(error) from error
        return bool(version == self._version and self._highest >= 0)

    def known_tree(self) -> Tree | None:
        """The committed mailboxes, when they are known and nobody else has committed."""
        return self._tree if self._tree is not None and self.is_unchanged() else None

    @property
    def pruned(self) -> int:
        """Change rows up to this MODSEQ may be missing, as of the last look."""
        return self._pruned

    @property
    def known_highest(self) -> int:
        """The highest committed MODSEQ as of the last look."""
        return self._highest

    @contextmanager
    def snapshot(self) -> Iterator[apsw.Connection]:
        """A connection that sees one committed state; what is known agrees with it.

        Raises:
            StorageError: the index cannot be read.
        """
        try:
            connection = self.connect() if self._transaction is None else self._second()
            connection.execute("BEGIN")
            try:
                if self._transaction is None:
                    self._check_version(connection)
                yield connection
            finally:
                connection.execute("COMMIT")
        except (apsw.Error, OSError) as error:
            raise storage_error(error) from error

    def reader(self) -> apsw.Connection:
        """A connection for one SELECT, which is a snapshot by itself.

        Raises:
            StorageError: the index cannot be opened.
        """
        return self.connect() if self._transaction is None else self._second()

    def _second(self) -> apsw.Connection:
        if self._reader is None:
            self._reader = open_reader(self.directory / INDEX)
            if self._reader is None:
                raise StorageTrouble("the index has gone")
        return self._reader

    def tree(self, connection: apsw.Connection) -> Tree:
        """The committed mailboxes; `connection` is the snapshot's."""
        if self._tree is None:
            self._tree = read_tree(connection)
        return self._tree


def read_highest(connection: apsw.Connection) -> int:
    """The account's highest MODSEQ."""
    body, change = select_one(
        connection, "SELECT (SELECT max(id) FROM body), (SELECT max(modseq) FROM change)"
    )
    return max(body or 0, change or 0)


def read_uidnext(connection: apsw.Connection, mailbox: int) -> int:
    """A mailbox's UIDNEXT."""
    floor, newest = select_one(
        connection,
        "SELECT (SELECT uidnext FROM mailbox WHERE number = ?), (SELECT id FROM message"
        " WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1)",
        (mailbox, row_id(mailbox, 0), row_id(mailbox, LAST_UID)),
    )
    return max(int(floor or 1), (newest & LAST_UID) + 1 if newest else 1)
