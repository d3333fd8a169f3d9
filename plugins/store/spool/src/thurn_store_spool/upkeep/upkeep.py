"""When a worker does what in the background; the other files of this folder say how.

Rules of this file: whatever may wait for the disk happens in a thread of its own limiter, for one
account at a time, because many connections wait to be closed when many accounts come and go. What
fails is reported and done again another time; a damaged index is one account's trouble, and ends
no worker.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import apsw
import trio
from thurn.plugin import Clock, Diagnostics

from thurn_store_spool.index.accountindex import AccountIndex
from thurn_store_spool.index.trouble import is_failed_sync
from thurn_store_spool.upkeep.copies import keep_copies
from thurn_store_spool.upkeep.garbage import remove_garbage, remove_orphans
from thurn_store_spool.upkeep.prune import prune
from thurn_store_spool.upkeep.writeback import write_back

WAITING_CONNECTIONS: Final = 256
"""Connections that may wait to be closed; one more is closed at once, and the worker waits."""

IDLE_SECONDS: Final = 60.0
"""How long work that was noticed outside the loop may wait."""

GATHER_SECONDS: Final = 3.0
"""How long garbage is gathered: each removal is a commit, after which every worker that has the
account open reads its state anew."""

TEND_SECONDS: Final = 86_400
"""How often an index is pruned and searched for what a crash has left."""


class Upkeep:
    """The background work of one open store; `run` does it.

    Args:
        clock: tells the time.
        diagnostics: hears of what failed.
        distrust: called when SQLite could not sync an index.
    """

    def __init__(
        self, clock: Clock, diagnostics: Diagnostics, distrust: Callable[[str], None]
    ) -> None:
        self._clock = clock
        self._distrust = distrust
        self._diagnostics = diagnostics
        self._closing: list[apsw.Connection] = []
        self._garbage: dict[Path, None] = {}
        self._old: dict[Path, float] = {}
        self._grown: dict[Path, None] = {}
        self._log_grown: dict[Path, None] = {}
        self._work = trio.Event()
        self._limiter = trio.CapacityLimiter(1)

    # What there is to do.

    def close_later(self, connection: apsw.Connection) -> None:
        """Close a connection in a thread."""
        if len(self._closing) >= WAITING_CONNECTIONS:
            connection.close()
            return
        self._closing.append(connection)
        self._wake()

    def sweep(self, index: AccountIndex) -> None:
        """Files of the account may have become garbage."""
        if not self._garbage:
            self._wake()
        self._garbage[index.directory] = None

    def opened(self, index: AccountIndex, tended_at: int) -> None:
        """An index was opened that was last pruned at this time, POSIX seconds."""
        now = self._clock.wall()
        if tended_at < now - TEND_SECONDS:
            self._old[index.directory] = now
            self.sweep(index)

    def grown(self, index: AccountIndex) -> None:
        """Copies of the account's columns may be worth keeping."""
        if not self._grown:
            self._wake()
        self._grown[index.directory] = None

    def log_grown(self, index: AccountIndex) -> None:
        """SQLite's log of the account's index is to be written back."""
        self._log_grown[index.directory] = None
        self._wake()

    def _wake(self) -> None:
        if trio.lowlevel.in_trio_run():  # replay runs in a thread; what it notices waits a little
            self._work.set()

    # Doing it.

    async def run(self) -> None:
        """Work until cancelled; what is left then is done after the next start."""
        due: float | None = None
        while True:
            pause = IDLE_SECONDS if due is None else max(0.0, due - trio.current_time())
            with trio.move_on_after(0.0 if self._log_grown else pause):
                await self._work.wait()
            self._work = trio.Event()
            if self._closing:
                await trio.to_thread.run_sync(self._close, limiter=self._limiter)
            if self._log_grown:
                await trio.to_thread.run_sync(self._write_back, limiter=self._limiter)
            if due is not None and trio.current_time() >= due:
                await trio.to_thread.run_sync(self._tend, limiter=self._limiter)
            if not (self._garbage or self._old or self._grown):
                due = None
            elif due is None:
                due = trio.current_time() + GATHER_SECONDS

    def _close(self) -> None:
        while self._closing:
            try:
                self._closing.pop().close()
            except apsw.Error as error:
                self._report(error)

    def _write_back(self) -> None:
        try:
            write_back(self._log_grown.popitem()[0])
        except Exception as error:  # noqa: BLE001 - a damaged index may raise anything
            self._report(error)

    def _tend(self) -> None:
        """Do one piece of work for one account."""
        try:
            if self._old:
                directory, now = self._old.popitem()
                prune(directory, now)
                remove_orphans(directory, now)
                keep_copies(directory, anew=True)
            elif self._grown:
                keep_copies(self._grown.popitem()[0])
            elif self._garbage:
                remove_garbage(self._garbage.popitem()[0])
        except Exception as error:  # noqa: BLE001 - a damaged index may raise anything
            self._report(error)

    def _report(self, error: Exception) -> None:
        self._diagnostics.warning("store.tending_failed", detail=str(error))
        if is_failed_sync(error):
            self._distrust(str(error))

    async def finish(self, connections: list[apsw.Connection]) -> None:
        """Close these connections and those that wait; at the end.

        Cancellation: shielded; it takes as long as SQLite needs to write its logs back.
        """
        self._closing += connections
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(self._close, limiter=self._limiter)
