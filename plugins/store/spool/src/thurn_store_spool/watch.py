"""Which accounts change: one watch of a worker for all who wait in it.

A change is told in three ways. Who waits in the same worker is woken at once. Other workers in
which somebody waits for the account get a notice; each has a topic of its own. And a file that all
workers share has a number for each account (several may have the same place): who commits writes a
new one there. A notice may be lost, so the file is read once a second as well, whatever the number
of those who wait: two system calls.

The same file says where somebody waits: behind the numbers each place has an octet for each lane. A
worker has a lane as long as it holds the lock of its file; one without hears of changes within a
second. The octet is set before the account is looked at, and read after a change is committed, so
nobody is passed over.

Rules of this file: hints only, the index is the truth; nothing here opens an index, so that an
account that is only waited for is closed like any other; nobody fails because of it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final
from zlib import crc32

import trio
from thurn.plugin import AccountId, Notices

from thurn_store_spool.index import AccountIndex
from thurn_store_spool.query import select

FILE: Final = "watch"
"""In the store's directory. What it held before a start means nothing."""

RECHECK_SECONDS: Final = 1.0
"""A notice may be lost; the contract promises a second."""

PAUSE_SECONDS: Final = 0.01
"""Between two looks: a busy site has thousands of notices a second."""

PLACES: Final = 4_096
"""Accounts that share a place with one that changes look once for nothing: some 20 µs."""

PLACE_OCTETS: Final = 8

CLAIMS_AT: Final = PLACES * PLACE_OCTETS
LANES: Final = 64
"""Processes that can say that somebody waits there: more than workers of two generations."""

_NOBODY: Final = bytes(LANES)
_ALL: Final = b"\1" * LANES

WAITING: Final = 64
"""Ids that wait for a slow reader; the same id waits once."""


class Waiter:
    """Somebody who waits for an account."""

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


class Watch:
    """See the module.

    Args:
        directory: the store's.
        topic: of its notices.
        notices: between workers.
        draw: 63 random bits.
    """

    __slots__ = (
        "_alone",
        "_draw",
        "_file",
        "_known",
        "_lane",
        "_lock",
        "_notices",
        "_path",
        "_some",
        "_topic",
        "_waiters",
    )

    def __init__(
        self, directory: Path, topic: str, notices: Notices, draw: Callable[[], int]
    ) -> None:
        self._path = directory / FILE
        self._topic = topic
        self._notices = notices
        self._draw = draw
        self._file = -1
        self._lock = self._lane = -1
        self._alone = _NOBODY
        self._known = b""
        self._waiters: dict[int, set[Waiter]] = {}
        self._some = trio.Event()

    def open(self) -> None:
        """Open the shared file; where that fails, everybody here looks once a second."""
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._file = os.open(self._path, flags, 0o600)
            os.ftruncate(self._file, CLAIMS_AT + PLACES * LANES)
            self._take_lane()

    def _take_lane(self) -> None:
        flags = os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        for lane in range(LANES):
            lock = os.open(self._path.with_name(f"{FILE}.{lane}"), flags, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                continue
            self._lock, self._lane = lock, lane
            self._alone = bytes(one == lane for one in range(LANES))
            claims = os.pread(self._file, PLACES * LANES, CLAIMS_AT)
            for place, waits in enumerate(claims[lane::LANES]):
                if waits:  # a dead worker's
                    self._claim(place, b"\0")
            return

    def close(self) -> None:
        """Close it."""
        for descriptor in (self._file, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._file = self._lock = self._lane = -1

    def tell(self, account: AccountId) -> None:
        """The account has changed; tell everybody, in all workers. After the commit."""
        place = _place(account)
        self._wake(place)
        self._mark(place)
        claims = self._claims(place)
        if claims in (_NOBODY, self._alone):
            return
        for lane, waits in enumerate(claims):
            if waits and lane != self._lane:
                self._notices.publish(f"{self._topic} {lane}", place)

    def _claims(self, place: int) -> bytes:
        """In which lanes somebody waits there; whoever cannot know tells all of them."""
        try:
            return os.pread(self._file, LANES, CLAIMS_AT + place * LANES)
        except OSError:
            return _ALL

    def _claim(self, place: int, octet: bytes) -> None:
        if self._lane >= 0:
            with suppress(OSError):  # a full disk: within a second
                os.pwrite(self._file, octet, CLAIMS_AT + place * LANES + self._lane)

    def mark(self, account: AccountId) -> None:
        """Like `tell`, but only in the file: those who wait see it within a second. From any
        thread."""
        self._mark(_place(account))

    def _mark(self, place: int) -> None:
        if self._file >= 0:
            with suppress(OSError):  # a full disk: the notice is enough
                number = self._draw().to_bytes(PLACE_OCTETS, "little")
                os.pwrite(self._file, number, place * PLACE_OCTETS)

    @contextmanager
    def waiting(self, account: AccountId) -> Iterator[Waiter]:
        """Within it, whatever is told of the account wakes."""
        place = _place(account)
        waiter = Waiter()
        waiters = self._waiters.setdefault(place, set())
        waiters.add(waiter)
        if len(waiters) == 1:
            self._claim(place, b"\1")
        self._some.set()
        try:
            yield waiter
        finally:
            waiters.discard(waiter)
            if not waiters and self._waiters.get(place) is waiters:
                del self._waiters[place]
                self._claim(place, b"\0")

    async def run(self) -> None:
        """Wake those who wait here for what other workers do, until cancelled."""
        async with self._notices.subscribe(f"{self._topic} {self._lane}") as hints:
            while True:
                if not self._waiters:
                    self._some = trio.Event()
                    await self._some.wait()
                with trio.move_on_after(RECHECK_SECONDS):
                    self._wake(await hints.receive())
                self._look()
                await trio.sleep(PAUSE_SECONDS)

    def _look(self) -> None:
        now = self._read()
        known, self._known = self._known, now
        if now == known:
            return
        for place in self._waiters:
            at = place * PLACE_OCTETS
            if now[at : at + PLACE_OCTETS] != known[at : at + PLACE_OCTETS]:
                self._wake(place)

    def _wake(self, place: int) -> None:
        for waiter in self._waiters.get(place, ()):
            waiter.wake()

    def _read(self) -> bytes:
        if self._file < 0:
            # Nothing is known: everybody looks.
            return self._draw().to_bytes(PLACE_OCTETS, "little") * PLACES
        try:
            return os.pread(self._file, PLACES * PLACE_OCTETS, 0)
        except OSError:
            return self._known


def _place(account: AccountId) -> int:
    """The same in all processes."""
    return crc32(account.encode("utf-8", "surrogatepass")) % PLACES


@asynccontextmanager
async def watch_account(
    index: AccountIndex, watch: Watch
) -> AsyncIterator[trio.MemoryReceiveChannel[str]]:
    """A channel of ids of mailboxes that may have changed since it was opened."""
    send, receive = trio.open_memory_channel[str](WAITING)
    with watch.waiting(index.account) as waiter:
        with index.snapshot():
            seen = index.known_highest
        async with trio.open_nursery() as nursery, receive:
            nursery.start_soon(_follow, index, waiter, send, seen)
            yield receive
            nursery.cancel_scope.cancel()


async def _follow(
    index: AccountIndex, waiter: Waiter, send: trio.MemorySendChannel[str], seen: int
) -> None:
    late: dict[str, None] = {}
    while True:
        # What the reader had no room for is offered again, once it may have read.
        with trio.move_on_after(RECHECK_SECONDS if late else float("inf")):
            await waiter.changed()
        numbers, seen = changed_since(index, seen)
        late.update((f"M{number}", None) for number in numbers)
        while late:
            try:
                send.send_nowait(next(iter(late)))
            except trio.WouldBlock:
                break
            del late[next(iter(late))]


def changed_since(index: AccountIndex, seen: int) -> tuple[list[int], int]:
    """Numbers of mailboxes that changed after a MODSEQ of the account, and the newest MODSEQ."""
    with index.snapshot() as connection:
        rows = select(
            connection,
            "SELECT mailbox FROM change WHERE modseq > ?1 AND mailbox != 0"
            " UNION SELECT mailbox FROM body WHERE id > ?1",
            (seen,),
        )
        return [number for (number,) in rows], index.known_highest
