"""How a change is made: a piece of work that runs in a round of the commit log.

There is nothing to replay, so no record is written; the round gives order, and all or none for
several accounts together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from thurn.contracts.commitlog import Change, Frame
from thurn.contracts.store import Stored

from thurn_store_memory.state import AccountState

T = TypeVar("T")


class Work(Generic[T]):
    """A change and the deposit of it.

    Args:
        state: whose.
        do: the work; raises a StorageError when it cannot be done.
        tell: called when it is done.
    """

    def __init__(self, state: AccountState, do: Callable[[], T], tell: Callable[[], None]) -> None:
        self._state = state
        self._do = do
        self._tell = tell
        self._results: list[T] = []

    @property
    def resource(self) -> AccountState:
        """The account."""
        return self._state

    def apply(self, frame: Frame) -> None:
        """Do it; again when the round is repeated."""
        self._results[:] = [self._do()]

    def applied(self) -> None:
        """It is done."""
        self._tell()

    @property
    def result(self) -> T:
        """What the work gave."""
        return self._results[0]

    @property
    def changes(self) -> Sequence[Change]:
        """Itself."""
        return (self,)

    async def commit(self) -> None:
        """Nothing is left to do."""

    async def place(self) -> None:
        """Nothing is too big for memory."""

    async def abort(self) -> None:
        """Nothing has been done."""


class AppendWork(Work[Stored]):
    """The deposit of an append."""

    @property
    def stored(self) -> Stored:
        """Where it went."""
        return self.result
