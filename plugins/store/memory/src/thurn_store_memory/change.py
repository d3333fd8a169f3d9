"""How a change is made: a piece of work that runs in a round of the commit log.

There is nothing to replay, so no record is written; the round gives order, and all or none for
several accounts together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from thurn.plugin import AccountId, Change, Context, Frame, Identity, Notices, NotPermitted, Stored

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


class AccountWork:
    """An account as one identity sees it, and how work on it is committed and told."""

    def __init__(
        self,
        account: AccountId,
        identity: Identity | None,
        state: AccountState,
        context: Context,
        separator: str,
    ) -> None:
        self.account = account
        self.separator = separator
        self.state = state
        self._context = context
        # The host and the owner see all, others nothing: hidden is absent.
        self._may = identity is None or identity.account == account

    @property
    def notices(self) -> Notices:
        """Notices between workers."""
        return self._context.state.notices

    @property
    def topic(self) -> str:
        """Where changes of this account are told."""
        return f"{self._context.name}:{self.account}"

    def tell(self) -> None:
        """Tell all workers that it has changed."""
        self.notices.publish(self.topic)

    async def commit(self, do: Callable[[], T]) -> T:
        """Do a piece of work in a round."""
        if not self._may:
            raise NotPermitted
        work = Work(self.state, do, self.tell)
        await self._context.commit_log.commit([work])
        return work.result
