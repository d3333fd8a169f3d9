"""What a worker does in the background: closes connections, writes the logs of indexes back,
removes garbage, prunes, keeps copies.

Rules of this file: everything that may wait for the disk happens in a thread of its own limiter,
for one account at a time: connections that wait to be closed are many when many come and go; what
fails is reported and done again another time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import apsw
import trio
from thurn.plugin import Clock, Diagnostics

from thurn_store_spool.index import AccountIndex
from thurn_store_spool.tend import (
    TEND_SECONDS,
    checkpoint,
    keep,
    prune,
    remove_garbage,
    remove_orphans,
)

WAITING: Final = 256
"""Connections that wait to be closed; above it one is closed at once, and the worker waits."""

IDLE_SECONDS: Final = 60.0
"""How long what was found outside the loop may wait."""


GATHER_SECONDS: Final = 3.0
"""How long garbage is gathered: each removal is a commit, after which every worker that has the
account open reads its state anew."""


class Keeper:
    """The background work of one open store; `run` does it."""

    def __init__(self, clock: Clock, diagnostics: Diagnostics) -> None:
        self._clock = clock
        self._diagnostics = diagnostics
        self._closing: list[apsw.Connection] = []
        self._garbage: dict[Path, None] = {}
        self._old: dict[Path, float] = {}
        self._grown: dict[Path, None] = {}
        self._logged: dict[Path, None] = {}
        self._work = trio.Event()
        self._limiter = trio.CapacityLimiter(1)

    def close_later(self, connection: apsw.Connection) -> None:
        """Close a connection in a thread."""
        if len(self._closing) >= WAITING:
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
        """An index was opened that was last tended then."""
        now = self._clock.wall()
        if tended_at < now - TEND_SECONDS:
            self._old[index.directory] = now
            self.sweep(index)

    def grown(self, index: AccountIndex) -> None:
        """Copies of the account's columns may be worth to be written."""
        if not self._grown:
            self._wake()
        self._grown[index.directory] = None

    def logged(self, index: AccountIndex) -> None:
        """The log of the account's index is to be written back."""
        self._logged[index.directory] = None
        self._wake()

    def _wake(self) -> None:
        if trio.lowlevel.in_trio_run():  # replay runs in a thread; what it finds waits a little
            self._work.set()

    async def run(self) -> None:
        """Work until cancelled. What is left then is done after the next start."""
        due: float | None = None
        while True:
            pause = IDLE_SECONDS if due is None else max(0.0, due - trio.current_time())
            with trio.move_on_after(0.0 if self._logged else pause):
                await self._work.wait()
            self._work = trio.Event()
            if self._closing:
                await trio.to_thread.run_sync(self._close, limiter=self._limiter)
            if self._logged:
                await trio.to_thread.run_sync(self._checkpoint, limiter=self._limiter)
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
                self._failed(error)

    def _checkpoint(self) -> None:
        try:
            checkpoint(self._logged.popitem()[0])
        except (apsw.Error, OSError) as error:
            self._failed(error)

    def _tend(self) -> None:
        try:
            if self._old:
                directory, now = self._old.popitem()
                prune(directory, now)
                remove_orphans(directory, now)
                keep(directory, anew=True)
            elif self._grown:
                keep(self._grown.popitem()[0])
            elif self._garbage:
                remove_garbage(self._garbage.popitem()[0])
        except (apsw.Error, OSError) as error:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        self._diagnostics.warning("store.tending_failed", detail=str(error))

    async def finish(self, connections: list[apsw.Connection]) -> None:
        """Close these and those that wait; at the end.

        Cancellation: shielded; it takes as long as SQLite needs to write its log back.
        """
        self._closing += connections
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(self._close, limiter=self._limiter)
