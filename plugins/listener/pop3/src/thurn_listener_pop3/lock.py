"""One session per maildrop: locks in shared state, held for as long as the session lives.

Rules of this file:
1. A lock is a row with a short lifetime. It is renewed while its session lives, so that one whose
   worker was killed is free again within `LIFETIME_SECONDS`.
2. Nobody renews or removes another's row: a worker that stood still too long has lost its locks.
   Then two sessions may be open for a while, each on its own snapshot, which does no harm.
"""

from __future__ import annotations

from typing import Final

import trio
from thurn.plugin import Diagnostics, Table

LIFETIME_SECONDS: Final = 60.0
"""How long a maildrop stays locked after a crash: clients look every minute or more rarely."""
RENEW_SECONDS: Final = 20.0
"""Two renewals may be missed."""
RELEASE_SECONDS: Final = 5.0
"""How long the end of a session may wait for shared state; past it the row's lifetime ends."""


class MaildropLocks:
    """The locks of one listener in one worker."""

    __slots__ = ("_diagnostics", "_held", "_table", "_turn")

    def __init__(self, table: Table, diagnostics: Diagnostics) -> None:
        self._table = table
        self._diagnostics = diagnostics
        self._held: dict[str, bytes] = {}
        self._turn = trio.Lock()  # or a renewal could come just after a removal

    async def acquire(self, key: str, owner: str) -> bool:
        """Whether the maildrop is this session's now.

        Cancellation: it may be locked until its lifetime ends.
        """
        row = owner.encode()
        if not await self._table.add(key, row, lifetime_seconds=LIFETIME_SECONDS):
            return False
        self._held[key] = row
        return True

    async def release(self, key: str) -> None:
        """The maildrop is free again, at the latest when the row's lifetime ends.

        Cancellation: it is free all the same.
        """
        row = self._held.pop(key, None)
        if row is None:
            return
        # Shielded: a session that is cancelled must not leave its maildrop locked for a minute.
        with trio.CancelScope(shield=True, deadline=trio.current_time() + RELEASE_SECONDS):
            try:
                async with self._turn:
                    if await self._table.get(key) == row:
                        await self._table.delete(key)
            except Exception as error:  # noqa: BLE001 - the mail is dealt with; the row ends itself
                self._diagnostics.warning("lock.not_released", failure=repr(error))

    async def renew_for_ever(self) -> None:
        """Keep all locks that are held."""
        while True:
            await trio.sleep(RENEW_SECONDS)
            for key, row in tuple(self._held.items()):
                try:
                    async with self._turn:
                        await self._renew(key, row)
                except Exception as error:  # noqa: BLE001 - the next round tries again
                    self._diagnostics.warning("lock.not_renewed", failure=repr(error))

    async def _renew(self, key: str, row: bytes) -> None:
        if self._held.get(key) == row and await self._table.get(key) in (None, row):
            await self._table.put(key, row, lifetime_seconds=LIFETIME_SECONDS)
