"""How a change is made: work that is done in a round of the commit log.

There is nothing to replay, so no record is written; the round gives the order, and all or none for
several accounts together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from thurn.plugin import AccountId, Change, Context, Frame, Identity, Notices, NotPermitted, Stored

from thurn_store_memory.state import AccountState

T = TypeVar("T")


class Work(Generic[T]):
    """A change of the commit log, and the deposit of it.

    Args:
        state: of the account.
        do: does the work, again when the round is repeated; raises a StorageError when it cannot.
        tell: called when it is done.
    """

    def __init__(self, state: AccountState, do: Callable[[], T], tell: Callable[[], None]) -> None:
        self._state = state
        self._do = do
        self._tell = tell
        self._results: list[T] = []

    @property
    def resource(self) -> AccountState:
        """The account's state."""
        return self._state

    def apply(self, frame: Frame) -> None:
        """Do the work."""
        self._results[:] = [self._do()]

    def applied(self) -> None:
        """Tell all workers."""
        self._tell()

    @property
    def result(self) -> T:
        """What the work returned; after the commit."""
        return self._results[0]

    @property
    def changes(self) -> Sequence[Change]:
        """Itself."""
        return (self,)

    async def place(self) -> None:
        """Does nothing: nothing is too big for memory."""

    async def commit(self) -> None:
        """Does nothing: the round has done it."""

    async def abort(self) -> None:
        """Does nothing: nothing has been done."""


class AppendWork(Work[Stored]):
    """The deposit of an append."""

    @property
    def stored(self) -> Stored:
        """Where it went; after the commit."""
        return self.result


class OpenAccount:
    """An account that was opened for an identity: its state, and how changes of it are made.

    Attributes:
        id: of the account.
        state: shared by all who have opened it.
        separator: of mailbox names.
        may: the identity may see and change everything; otherwise nothing.
    """

    def __init__(
        self,
        account: AccountId,
        identity: Identity | None,
        state: AccountState,
        context: Context,
        separator: str,
    ) -> None:
        self.id = account
        self.state = state
        self.separator = separator
        # The host and the owner see everything, others nothing: hidden is the same as absent.
        self.may = identity is None or identity.account == account
        self._context = context

    @property
    def wall(self) -> float:
        """The time now, POSIX seconds."""
        return self._context.clock.wall()

    @property
    def notices(self) -> Notices:
        """Notices between workers."""
        return self._context.state.notices

    @property
    def topic(self) -> str:
        """The topic of notices about this account."""
        return f"{self._context.name}:{self.id}"

    def tell(self) -> None:
        """Tell all workers that the account has changed."""
        self.notices.publish(self.topic)

    def append(self, do: Callable[[], Stored]) -> AppendWork:
        """The deposit of a message. Raises NotPermitted."""
        self._must_own()
        return AppendWork(self.state, do, self.tell)

    def work(self, do: Callable[[], T]) -> Work[T]:
        """A change. Raises NotPermitted."""
        self._must_own()
        return Work(self.state, do, self.tell)

    async def commit_all(self, works: Sequence[Work[T]]) -> Sequence[T]:
        """Do several pieces of work in one round, all or none, and return what they returned."""
        await self._context.commit_log.commit(works)
        return [one.result for one in works]

    async def commit(self, do: Callable[[], T]) -> T:
        """Do work in a round, and return what it returned."""
        return (await self.commit_all([self.work(do)]))[0]

    def _must_own(self) -> None:
        if not self.may:
            raise NotPermitted
