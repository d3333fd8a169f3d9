"""Makes changes in rounds of the commit log.

There is nothing to replay, so no record is written. The round gives the changes their order, and
makes sure that several accounts change together or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from thurn.plugin import AccountId, Change, Context, Frame, Identity, Notices, NotPermitted, Stored

from thurn_store_memory.state import AccountState

T = TypeVar("T")


class Work(Generic[T]):
    """A change for the commit log, which is also its deposit.

    Args:
        state: the state of the account.
        do: makes the change, and makes it again if the round is repeated; raises a StorageError if
            it cannot.
        announce: called after the change.
    """

    def __init__(
        self, state: AccountState, do: Callable[[], T], announce: Callable[[], None]
    ) -> None:
        self._state = state
        self._do = do
        self._announce = announce
        self._results: list[T] = []

    @property
    def resource(self) -> AccountState:
        """The account's state."""
        return self._state

    def apply(self, frame: Frame) -> None:
        """Make the change."""
        self._results[:] = [self._do()]

    def applied(self) -> None:
        """Announce the change to all workers."""
        self._announce()

    @property
    def result(self) -> T:
        """The result of the work; only after the commit."""
        return self._results[0]

    @property
    def changes(self) -> Sequence[Change]:
        """This change alone."""
        return (self,)

    async def place(self) -> None:
        """Do nothing, since all contents fit in memory."""

    async def commit(self) -> None:
        """Do nothing, since the round has made the change."""

    async def abort(self) -> None:
        """Do nothing, since nothing was changed."""


class AppendWork(Work[Stored]):
    """The deposit of an append."""

    @property
    def stored(self) -> Stored:
        """The place of the message; only after the commit."""
        return self.result


class OpenAccount:
    """An account that was opened for an identity: its state, and the means to change it.

    Attributes:
        id: the account's id.
        state: the account's state, shared by all its open handles.
        separator: the separator of mailbox names.
        may: whether the identity may see and change everything; otherwise it may do nothing.
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
        # The host and the owner see everything. For others everything is hidden, as if absent.
        self.may = identity is None or identity.account == account
        self._context = context

    @property
    def wall(self) -> float:
        """The time now in POSIX seconds."""
        return self._context.clock.wall()

    @property
    def notices(self) -> Notices:
        """Notices between workers."""
        return self._context.state.notices

    @property
    def topic(self) -> str:
        """The topic of notices about this account."""
        return f"{self._context.name}:{self.id}"

    def announce(self) -> None:
        """Tell all workers that the account has changed."""
        self.notices.publish(self.topic)

    def append(self, do: Callable[[], Stored]) -> AppendWork:
        """The deposit of a message; raises NotPermitted."""
        self._must_own()
        return AppendWork(self.state, do, self.announce)

    def work(self, do: Callable[[], T]) -> Work[T]:
        """A change; raises NotPermitted."""
        self._must_own()
        return Work(self.state, do, self.announce)

    async def commit_all(self, works: Sequence[Work[T]]) -> Sequence[T]:
        """Make several changes in one round, all or none, and return their results."""
        await self._context.commit_log.commit(works)
        return [work.result for work in works]

    async def commit(self, do: Callable[[], T]) -> T:
        """Make a change in a round, and return its result."""
        return (await self.commit_all([self.work(do)]))[0]

    def _must_own(self) -> None:
        if not self.may:
            raise NotPermitted
