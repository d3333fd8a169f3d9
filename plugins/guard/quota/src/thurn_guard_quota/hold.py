"""What guards hold for messages that are being stored.

Rules of this file: a hold is a change of the commit log without resource and record. It is
committed in one group with its messages, so that it ends (`applied`) in the same step of the worker
in which they become visible. No task of the worker runs between the two: each message counts once,
as held or as stored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final

from thurn.plugin import AccountId, Change, Clock, Frame, QuotaResource

HOLD_SECONDS: Final = 180.0
"""How long a hold counts that nobody ends: longer than the host waits for a commit (120 s)."""

Room = dict[QuotaResource, int]


class Holds:
    """The holds of one worker, by account."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_account: dict[AccountId, list[Hold]] = defaultdict(list)

    def total(self, account: AccountId, resource: QuotaResource) -> int:
        """What is held of a resource; holds that are too old are dropped."""
        holds = self._by_account.get(account, ())
        for hold in [one for one in holds if one.until < self._clock.monotonic()]:
            self.end(hold)
        return sum(hold.room.get(resource, 0) for hold in self._by_account.get(account, ()))

    def begin(self, account: AccountId, room: Room, ended: Callable[[], None]) -> Hold:
        """Hold room; `ended` is called when the messages are stored."""
        hold = Hold(self, account, room, self._clock.monotonic() + HOLD_SECONDS, ended)
        self._by_account[account].append(hold)
        return hold

    def end(self, hold: Hold) -> None:
        """Drop a hold; nothing happens if it has ended already."""
        holds = self._by_account.get(hold.account)
        if holds is not None and hold in holds:
            holds.remove(hold)
            if not holds:
                del self._by_account[hold.account]


class Hold:
    """Room for messages until they are stored: a deposit, and its one change."""

    resource = None

    def __init__(
        self,
        holds: Holds,
        account: AccountId,
        room: Room,
        until: float,
        ended: Callable[[], None],
    ) -> None:
        self.account = account
        self.room = room
        self.until = until
        self._holds = holds
        self._ended = ended

    @property
    def changes(self) -> Sequence[Change]:
        """Itself."""
        return (self,)

    def apply(self, frame: Frame) -> None:
        """Nothing is written."""

    def applied(self) -> None:
        """The messages are visible now."""
        self._holds.end(self)
        self._ended()

    async def place(self) -> None:
        """Nothing has to be placed."""

    async def commit(self) -> None:
        """The hold has ended already."""
        self._holds.end(self)

    async def abort(self) -> None:
        """The messages were not stored; or they were, and the hold has ended already."""
        self._holds.end(self)
