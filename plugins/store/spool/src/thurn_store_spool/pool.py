"""The indexes of a worker: one object per account, a bounded number of open connections.

Rules of this file: the object of an account is the same as long as anybody holds it; what is closed
and opened again is its connection. A connection is closed where it may take its time (its last
close writes SQLite's log back, with syncs).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from weakref import WeakValueDictionary

import apsw
from thurn.plugin import AccountId

from thurn_store_spool.index import AccountIndex
from thurn_store_spool.mark import Mark
from thurn_store_spool.place import account_directory


class Pool:
    """See the module.

    Attributes:
        mark: of the store's documents.

    Args:
        data: the store's directory.
        open_limit: connections kept; each has three descriptors.
        close: closes a connection, later, in a thread.
        opened: called with an index that was opened, and when it was last tended.
        grown: called with an index that has had many changes.
        logged: called with an index whose log is to be written back.
    """

    def __init__(
        self,
        data: Path,
        open_limit: int,
        close: Callable[[apsw.Connection], None],
        opened: Callable[[AccountIndex, int], None],
        grown: Callable[[AccountIndex], None],
        logged: Callable[[AccountIndex], None],
    ) -> None:
        self._data = data
        self._open_limit = open_limit
        self._close = close
        self.opened = opened
        self.grown = grown
        self.logged = logged
        self.mark = Mark(data)
        self._known: WeakValueDictionary[AccountId, AccountIndex] = WeakValueDictionary()
        self._open: OrderedDict[AccountIndex, None] = OrderedDict()

    def index(self, account: AccountId) -> AccountIndex:
        """The index of an account; nothing is opened."""
        index = self._known.get(account)
        if index is None:
            index = AccountIndex(account, account_directory(self._data, account), self)
            self._known[account] = index
        return index

    def used(self, index: AccountIndex) -> None:
        """The index has an open connection and was used now."""
        if index in self._open:
            self._open.move_to_end(index)
            return
        self._open[index] = None
        # Two for one, so that the many of a big round are closed again little by little.
        for _ in range(min(2, len(self._open) - self._open_limit)):
            self._close_one(index)

    def _close_one(self, newest: AccountIndex) -> None:
        """Close the one that was not used for longest; none while all are in a round."""
        for index in self._open:
            if index is not newest and not index.in_transaction:
                del self._open[index]
                for connection in index.disconnect():
                    self._close(connection)
                return

    def close(self) -> list[apsw.Connection]:
        """All connections, to be closed; at the end."""
        connections: list[apsw.Connection] = []
        for index in list(self._open):
            if index.in_transaction:
                index.rollback()
            connections += index.disconnect()
        self._open.clear()
        self.mark.close()
        return connections
