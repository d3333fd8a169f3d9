"""Which accounts change: one watch of a worker for all who wait in it.

A change is reported in three ways. A waiter in the same worker is woken at once. Other workers in
which somebody waits for the account get a notice; each has a topic of its own. And the shared file
gets a new number. Since a notice may be lost, the numbers are read once a second as well, with two
system calls however many wait.

A worker says in the file that somebody waits before the account is looked at, and whoever commits a
change reads it afterwards, so nobody is passed over.

Rules of this file: hints only, the index is the truth. Nothing here opens an index, so that the
index of an account that is only waited for is closed like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import trio
from thurn.plugin import AccountId, Notices

from thurn_store_spool.watch.file import WatchFile, cell_of, number_in

RECHECK_SECONDS: Final = 1.0
"""How often the numbers are read: a notice may be lost, and the contract promises a second."""

PAUSE_SECONDS: Final = 0.01
"""Pause between two looks: a busy site has thousands of notices a second."""


class Waiter:
    """Somebody who waits for changes of an account."""

    __slots__ = ("_woken",)

    def __init__(self) -> None:
        self._woken = trio.Event()

    async def changed(self) -> None:
        """Return when the account may have changed since the last return, or the beginning."""
        await self._woken.wait()
        self._woken = trio.Event()

    def wake(self) -> None:
        """The account may have changed."""
        self._woken.set()


class ChangeWatch:
    """See the module.

    Args:
        directory: the store's.
        topic: of its notices.
        notices: between workers.
        draw: 63 random bits.
    """

    __slots__ = ("_file", "_known", "_notices", "_some", "_topic", "_waiters")

    def __init__(
        self, directory: Path, topic: str, notices: Notices, draw: Callable[[], int]
    ) -> None:
        self._file = WatchFile(directory, draw)
        self._topic = topic
        self._notices = notices
        self._known = b""
        self._waiters: dict[int, set[Waiter]] = {}
        self._some = trio.Event()

    def open(self) -> None:
        """Open the shared file; where that fails, all who wait here look once a second."""
        self._file.open()

    def close(self) -> None:
        """Close the shared file."""
        self._file.close()

    def tell(self, account: AccountId) -> None:
        """Tell everybody, in all workers, that the account has changed; after the commit."""
        cell = cell_of(account)
        self._wake(cell)
        self._file.write_number(cell)
        for lane in self._file.other_lanes(cell):
            self._notices.publish(f"{self._topic} {lane}", cell)

    def tell_by_file(self, account: AccountId) -> None:
        """Tell it only by the file: those who wait hear within a second. From any thread."""
        self._file.write_number(cell_of(account))

    @contextmanager
    def waiting(self, account: AccountId) -> Iterator[Waiter]:
        """A waiter that any change of the account wakes while the block runs."""
        cell = cell_of(account)
        waiter = Waiter()
        waiters = self._waiters.setdefault(cell, set())
        waiters.add(waiter)
        if len(waiters) == 1:
            self._file.set_waits(cell, waits=True)
        self._some.set()
        try:
            yield waiter
        finally:
            waiters.discard(waiter)
            if not waiters and self._waiters.get(cell) is waiters:
                del self._waiters[cell]
                self._file.set_waits(cell, waits=False)

    async def run(self) -> None:
        """Wake those who wait here for what other workers do, until cancelled."""
        async with self._notices.subscribe(f"{self._topic} {self._file.lane}") as cells:
            while True:
                if not self._waiters:
                    self._some = trio.Event()
                    await self._some.wait()
                with trio.move_on_after(RECHECK_SECONDS):
                    self._wake(await cells.receive())
                self._look()
                await trio.sleep(PAUSE_SECONDS)

    def _look(self) -> None:
        """Wake those whose cell has another number than before."""
        known, self._known = self._known, self._file.read_numbers(self._known)
        if self._known == known:
            return
        for cell in self._waiters:
            if number_in(self._known, cell) != number_in(known, cell):
                self._wake(cell)

    def _wake(self, cell: int) -> None:
        for waiter in self._waiters.get(cell, ()):
            waiter.wake()
