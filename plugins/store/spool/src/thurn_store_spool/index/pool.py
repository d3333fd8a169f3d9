"""The indexes of a worker: one object per account, a bounded number of open connections.

Rules of this file: an account has the same object as long as anybody holds it; what is closed and
opened again is its connection. The upkeep closes connections, because the last close of an index
writes SQLite's log back, with syncs.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from weakref import WeakValueDictionary

import apsw
from thurn.plugin import AccountId, StorageError

from thurn_store_spool.index.accountindex import AccountIndex
from thurn_store_spool.index.trouble import Troubles
from thurn_store_spool.layout import account_directory


class IndexUpkeep(Protocol):
    """Who does in the background what the worker's own thread has no time for."""

    def close_later(self, connection: apsw.Connection) -> None:
        """Close a connection."""

    def opened(self, index: AccountIndex, tended_at: int) -> None:
        """An index was opened that was last pruned at this time, POSIX seconds."""

    def grown(self, index: AccountIndex) -> None:
        """The index has had many changes since copies of its columns were kept."""

    def log_grown(self, index: AccountIndex) -> None:
        """SQLite's log of the index is to be written back."""


class Pool:
    """See the module; also the `IndexEvents` of its indexes.

    Args:
        data: the store's directory.
        open_limit: most indexes that keep a connection; each has three descriptors.
        upkeep: closes connections and gets the events of indexes.
        closed: called with an index whose connection was given away.
        troubles: of single accounts.
    """

    def __init__(
        self,
        data: Path,
        open_limit: int,
        upkeep: IndexUpkeep,
        closed: Callable[[AccountIndex], None],
        troubles: Troubles,
    ) -> None:
        self._data = data
        self._troubles = troubles
        self._open_limit = open_limit
        self._upkeep = upkeep
        self._closed = closed
        self._known: WeakValueDictionary[AccountId, AccountIndex] = WeakValueDictionary()
        self._open: OrderedDict[AccountIndex, None] = OrderedDict()

    def index(self, account: AccountId) -> AccountIndex:
        """The index of an account; opens nothing."""
        index = self._known.get(account)
        if index is None:
            directory = account_directory(self._data, account)
            index = AccountIndex(account, directory, self, self._troubles.note_path(account))
            self._known[account] = index
        return index

    def check(self, index: AccountIndex) -> None:
        """Raises StorageTrouble if the account must take no change."""
        if self.is_noted(index):
            raise self._troubles.error_of(index.account, index.note_path)

    def is_noted(self, index: AccountIndex) -> bool:
        """Whether the account is noted as in trouble."""
        mark = self._troubles.mark()
        if mark is not None and index.well_as_of == mark:
            return False
        if self._troubles.is_noted(index.note_path):
            return True
        index.well_as_of = mark
        return False

    def check_opening(self, index: AccountIndex) -> None:
        """Raises StorageTrouble if the account must be mended first."""
        if self._troubles.is_troubled(index.account, index.note_path):
            raise self._troubles.error_of(index.account, index.note_path)

    def failed(self, index: AccountIndex, error: Exception) -> StorageError:
        """The error in the store's terms, and noted if it is the account's own."""
        return self._troubles.failed(index.account, error)

    def closing(self, connections: list[apsw.Connection]) -> None:
        """These connections are not used any more."""
        for connection in connections:
            self._upkeep.close_later(connection)

    def opened(self, index: AccountIndex, tended_at: int) -> None:
        """A connection was opened."""
        self._upkeep.opened(index, tended_at)

    def grown(self, index: AccountIndex) -> None:
        """The index has had many changes since copies of its columns were kept."""
        self._upkeep.grown(index)

    def log_grown(self, index: AccountIndex) -> None:
        """SQLite's log of the index is to be written back."""
        self._upkeep.log_grown(index)

    def used(self, index: AccountIndex) -> None:
        """The index has an open connection and is used now."""
        if index in self._open:
            self._open.move_to_end(index)
            return
        self._open[index] = None
        # Two for one, so that the many indexes of a big round are closed again little by little.
        for _ in range(min(2, len(self._open) - self._open_limit)):
            self._close_one(index)

    def _close_one(self, newest: AccountIndex) -> None:
        """Close the index that was not used for longest, unless all others are in a round."""
        for index in self._open:
            if index is not newest and not index.in_transaction:
                del self._open[index]
                for connection in index.disconnect():
                    self._upkeep.close_later(connection)
                self._closed(index)
                return

    def close(self) -> list[apsw.Connection]:
        """All connections, to be closed at the end."""
        connections: list[apsw.Connection] = []
        for index in list(self._open):
            if index.in_transaction:
                index.rollback()
            connections += index.disconnect()
            self._closed(index)
        self._open.clear()
        return connections
