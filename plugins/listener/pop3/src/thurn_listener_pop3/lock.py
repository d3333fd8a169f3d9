"""One session per maildrop: locks in shared state, held for as long as the session lives.

Rules of this file:
1. A lock is a row with a short lifetime, renewed while its session lives. The lock of a worker that
   was killed is free within `LOCK_SECONDS`.
2. Nobody renews or removes the row of another session: a worker that stood still too long has lost
   its locks. Two sessions may be open then, each on its own snapshot, which does no harm.
"""

from __future__ import annotations

import trio
from thurn.plugin import Diagnostics, Table

from thurn_listener_pop3.limits import LOCK_SECONDS, RELEASE_SECONDS, RENEW_SECONDS


class MaildropLocks:
    """The locks of one listener in one worker."""

    __slots__ = ("_diagnostics", "_held", "_table", "_turn")

    def __init__(self, table: Table, diagnostics: Diagnostics) -> None:
        self._table = table
        self._diagnostics = diagnostics
        self._held: dict[str, bytes] = {}
        self._turn = trio.Lock()  # or a renewal could come just after a removal

    async def acquire(self, key: str, owner: str) -> bool:
        """Lock a maildrop for a session; False if another session has it.

        Cancellation: it may be locked until the row's lifetime ends.
        """
        row = owner.encode()
        if not await self._table.add(key, row, lifetime_seconds=LOCK_SECONDS):
            return False
        self._held[key] = row
        return True

    async def release(self, key: str) -> None:
        """Free the maildrop, or let the row's lifetime end. Idempotent.

        Cancellation: it is freed all the same.
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
            except Exception as error:  # noqa: BLE001 - the session is done; the row ends by itself
                self._diagnostics.warning("lock.not_released", failure=repr(error))

    async def renew_for_ever(self) -> None:
        """Renew all locks that are held, again and again."""
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
            await self._table.put(key, row, lifetime_seconds=LOCK_SECONDS)
