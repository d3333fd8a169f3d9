"""The processor time of scripts: only their own slices count, summed over all workers."""

from __future__ import annotations

import pytest
import trio
from thurn_delivery_sieve.budget import CpuBudget, Meter
from thurn_state_memory.factory import memory
from thurn_testing.fakes.clock import ManualClock
from thurn_testing.fakes.context import FakeContext


def work(rounds=200_000):
    return sum(range(rounds))


async def test_others_do_not_count():
    async def mine():
        await trio.lowlevel.checkpoint()
        return "done"

    async def neighbour():
        for _ in range(5):
            work()
            await trio.lowlevel.checkpoint()

    alone, beside = Meter(), Meter()
    assert await alone.run(mine()) == "done"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(neighbour)
        await beside.run(mine())
    assert beside.nanoseconds < 3_000_000 > alone.nanoseconds


async def test_own_work_counts_before_and_after_waiting():
    async def mine():
        work()
        await trio.lowlevel.checkpoint()
        work()

    meter = Meter()
    await meter.run(mine())
    assert meter.nanoseconds > 2_000_000


async def test_exceptions_pass():
    async def fails():
        await trio.lowlevel.checkpoint()
        raise KeyError("x")

    with pytest.raises(KeyError):
        await Meter().run(fails())


async def test_cancellation_passes(autojump_clock):
    seen = []

    async def waits():
        try:
            await trio.sleep_forever()
        finally:
            seen.append("cleaned")

    with trio.move_on_after(1) as scope:
        await Meter().run(waits())
    assert scope.cancelled_caught
    assert seen == ["cleaned"]


@pytest.fixture
async def table(tmp_path):
    async with memory.open(memory.settings(), FakeContext(tmp_path)) as state:
        yield state.table("sieve")


def budget(table, clock, **changes):
    facts = {"seconds": 10.0, "window": 3600.0, "pause": 60.0, **changes}
    return CpuBudget(table, clock, **facts)


async def test_workers_share_their_sums(table):
    clock = ManualClock()
    first, second = budget(table, clock), budget(table, clock)
    for _ in range(4):
        assert not await first.charge("s", 1_200_000_000)
        assert not await second.charge("s", 1_200_000_000)
    assert await first.charge("s", 1_200_000_000)
    assert first.is_off("s")
    assert not first.is_off("other")
    assert await second.charge("s", 1_200_000_000)
    clock.advance(61)
    assert not first.is_off("s")


async def test_small_sums_stay_in_the_worker(table):
    one = budget(table, ManualClock())
    for _ in range(9):
        await one.charge("s", 100_000_000)
    assert await table.get("s") is None
    await one.charge("s", 100_000_001)
    assert await table.get("s") is not None
