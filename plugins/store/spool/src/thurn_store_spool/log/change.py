"""Changes of an account as the commit log takes them, and how one is committed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import apsw
from thurn.plugin import Change, Frame, StorageTrouble

from thurn_store_spool.environment import OpenAccount
from thurn_store_spool.index.accountindex import AccountIndex
from thurn_store_spool.log.draft import Draft
from thurn_store_spool.operation.kind import AccountOperations, Operation, encode

T = TypeVar("T")


class AccountChange(Generic[T]):
    """Work on a draft as one change of the commit log; also a deposit of the host.

    Args:
        account: whose change it is.
        work: does it; called again when the round is repeated.
    """

    __slots__ = ("_account", "_operations", "_results", "_touched", "_work")

    def __init__(self, account: OpenAccount, work: Callable[[Draft], T]) -> None:
        self._account = account
        self._work = work
        self._results: list[T] = []
        self._operations: list[Operation] = []
        self._touched: set[int] = set()

    @property
    def resource(self) -> AccountIndex:
        """The account's index."""
        return self._account.index

    def apply(self, frame: Frame) -> None:
        """Do the work and add its record."""
        draft = Draft(self._account)
        try:
            self._results[:] = [self._work(draft)]
        except apsw.Error as error:
            raise self._account.index.failed(error) from error
        self._operations, self._touched = draft.operations, draft.touched
        if self._operations:
            record = AccountOperations(self._account.index.account, self._operations)
            frame.record(self._account.environment.name, encode(record))

    def applied(self) -> None:
        """Move on what is remembered, and tell all workers."""
        self._account.caches.committed(self._operations)
        if self._touched:
            self._account.environment.watch.tell(self._account.index.account)

    @property
    def result(self) -> T:
        """What the work returned; after the commit."""
        if not self._results:
            raise StorageTrouble("the change has not been committed")
        return self._results[0]

    @property
    def changes(self) -> Sequence[Change]:
        """Itself."""
        return (self,)

    async def place(self) -> None:
        """Does nothing: a record is never too big for the log."""

    async def commit(self) -> None:
        """Does nothing: the log has done it."""

    async def abort(self) -> None:
        """Does nothing: nothing has been done."""


async def commit(account: OpenAccount, work: Callable[[Draft], T]) -> T:
    """Do work on a draft durably, and return what it returned.

    Raises:
        StorageError: nothing happened.
    """
    change = AccountChange(account, work)
    await account.environment.commit_log.commit([change])
    return change.result
