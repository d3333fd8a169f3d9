"""Changes of an account as the commit log takes them, and how one is committed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import apsw
from thurn.plugin import Change, Frame, StorageTrouble

from thurn_store_spool.draft import Draft
from thurn_store_spool.environment import Environment
from thurn_store_spool.index import AccountIndex
from thurn_store_spool.operation import Entry, encode
from thurn_store_spool.schema import storage_error

T = TypeVar("T")


class AccountChange(Generic[T]):
    """A piece of work on a draft, as one change; also the deposit of it."""

    __slots__ = ("_environment", "_index", "_results", "_touched", "_work")

    def __init__(
        self, index: AccountIndex, environment: Environment, work: Callable[[Draft], T]
    ) -> None:
        self._index = index
        self._environment = environment
        self._work = work
        self._results: list[T] = []
        self._touched: set[int] = set()

    @property
    def resource(self) -> AccountIndex:
        """The account's index."""
        return self._index

    def apply(self, frame: Frame) -> None:
        """Do the work and add its record; again when the round is repeated."""
        draft = Draft(self._index, self._environment)
        try:
            self._results[:] = [self._work(draft)]
        except apsw.Error as error:
            raise storage_error(error) from error
        self._touched = draft.touched
        if draft.operations:
            entry = Entry(self._index.account, draft.operations)
            frame.record(self._environment.name, encode(entry))

    def applied(self) -> None:
        """Tell all workers."""
        if self._touched:
            self._environment.watch.tell(self._index.account)

    @property
    def result(self) -> T:
        """What the work gave; after the commit."""
        if not self._results:
            raise StorageTrouble("the change has not been committed")
        return self._results[0]

    @property
    def changes(self) -> Sequence[Change]:
        """Itself."""
        return (self,)

    async def commit(self) -> None:
        """Nothing is left to do: the log has done it."""

    async def place(self) -> None:
        """A record is never too big for the log."""

    async def abort(self) -> None:
        """Nothing has been done."""


async def commit(index: AccountIndex, environment: Environment, work: Callable[[Draft], T]) -> T:
    """Do a piece of work durably.

    Raises:
        StorageError: nothing happened.
    """
    change = AccountChange(index, environment, work)
    await environment.commit_log.commit([change])
    return change.result
