"""Locks of maildrops: held while the session lives, gone soon after a crash."""

from __future__ import annotations

import pytest
import trio
from thurn.plugin import StorageTrouble
from thurn_listener_pop3.limits import LOCK_SECONDS, RENEW_SECONDS
from thurn_listener_pop3.lock import MaildropLocks
from thurn_testing.fakes.context import RecordingDiagnostics


class Table:
    """A table in which a row's life is a number that the test counts down; it may be broken."""

    def __init__(self):
        self.rows, self.broken = {}, False

    async def _there(self):
        await trio.lowlevel.checkpoint()
        if self.broken:
            raise StorageTrouble("it broke")

    async def get(self, key):
        await self._there()
        return self.rows[key][0] if key in self.rows else None

    async def put(self, key, value, *, lifetime_seconds):
        await self._there()
        self.rows[key] = value, trio.current_time() + lifetime_seconds

    async def add(self, key, value, *, lifetime_seconds):
        await self._there()
        if key in self.rows:
            return False
        self.rows[key] = value, trio.current_time() + lifetime_seconds
        return True

    async def delete(self, key):
        await self._there()
        return self.rows.pop(key, None) is not None

    def left(self, key):
        return self.rows[key][1] - trio.current_time()


@pytest.fixture
async def table():
    return Table()


@pytest.fixture
def diagnostics():
    return RecordingDiagnostics()


@pytest.fixture
async def locks(table, diagnostics, nursery):
    locks = MaildropLocks(table, diagnostics)
    nursery.start_soon(locks.renew_for_ever)
    return locks


async def test_one_session_has_it(autojump_clock, locks):
    assert await locks.acquire("drop", "one")
    assert not await locks.acquire("drop", "two")
    await locks.release("drop")
    await locks.release("drop")
    assert await locks.acquire("drop", "two")


async def test_it_is_renewed_while_it_is_held(autojump_clock, locks, table):
    await locks.acquire("drop", "one")
    await trio.sleep(10 * LOCK_SECONDS)
    assert table.left("drop") >= LOCK_SECONDS - RENEW_SECONDS
    await locks.release("drop")
    await trio.sleep(2 * RENEW_SECONDS)
    assert table.rows == {}


async def test_another_ones_row_is_left_alone(autojump_clock, locks, table):
    await locks.acquire("drop", "one")
    table.rows["drop"] = b"two", trio.current_time() + 5
    await trio.sleep(2 * RENEW_SECONDS)
    assert table.left("drop") < 0
    await locks.release("drop")
    assert table.rows["drop"][0] == b"two"


async def test_a_row_that_was_lost_comes_back(autojump_clock, locks, table):
    await locks.acquire("drop", "one")
    table.rows.clear()
    await trio.sleep(2 * RENEW_SECONDS)
    assert table.rows["drop"][0] == b"one"


async def test_a_broken_state_ends_nothing(autojump_clock, locks, table, diagnostics):
    await locks.acquire("drop", "one")
    await locks.acquire("drop 2", "two")
    table.broken = True
    await trio.sleep(1.5 * RENEW_SECONDS)
    assert diagnostics.events == ["lock.not_renewed"] * 2
    await locks.release("drop")
    assert diagnostics.events[-1] == "lock.not_released"
    table.broken = False
    await trio.sleep(RENEW_SECONDS)
    assert table.left("drop 2") > LOCK_SECONDS - RENEW_SECONDS
    assert table.left("drop") < RENEW_SECONDS


async def test_a_cancelled_session_gives_it_back(autojump_clock, locks, table):
    await locks.acquire("drop", "one")
    with trio.CancelScope() as scope:
        scope.cancel()
        await locks.release("drop")
    assert table.rows == {}


async def test_a_state_that_hangs_does_not_hold_up_the_end(autojump_clock, locks, table):
    await locks.acquire("drop", "one")

    async def hang(key):
        await trio.sleep_forever()

    table.get = hang
    before = trio.current_time()
    await locks.release("drop")
    assert trio.current_time() - before < 10
