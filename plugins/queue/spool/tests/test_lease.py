"""The holders of leases, and when a lease ends."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest
import trio
import trio.testing
from thurn.plugin import RETRY_LONGEST_SECONDS, RecipientResult, StorageTrouble
from thurn.types.status import OK
from thurn_queue_spool.database import when_free

SECONDS = 121.0


async def none_due(queue, **options) -> bool:
    with trio.move_on_after(0.02):
        await queue.next_lease(**options)
        return False
    return True


async def test_hanging_holder_loses_it(bench):
    async with bench.open() as one, bench.open() as two:
        await bench.put(one, "a")
        lease = await one.next_lease()
        bench.clock.advance(SECONDS / 2)
        await when_free(one._leases.renew)
        bench.clock.advance(SECONDS / 2 + 1)
        assert await none_due(two)
        bench.clock.advance(SECONDS)
        other = await two.next_lease()
        await lease.release()  # it is no longer its own
        assert await none_due(one)
        await bench.done(lease)  # but what was done was done
        assert await two.entries() == []
        await other.finish([], retry_at=None)


async def test_forgotten_lease_ends(bench):
    async with bench.open() as queue:
        await bench.put(queue, "a")
        await queue.next_lease()
        gc.collect()
        bench.clock.advance(SECONDS / 2)
        await when_free(queue._leases.renew)
        bench.clock.advance(SECONDS / 2 + 1)
        assert await queue.next_lease()


@pytest.mark.parametrize("monotonic", [5.0, 1_001.0])
async def test_other_boot_loses_it(bench, monotonic):
    async with bench.open() as one, bench.open() as two:
        await bench.put(one, "a")
        lease = await one.next_lease()
        bench.clock.reboot(monotonic=monotonic)
        assert (await two.next_lease()).id == lease.id


@pytest.fixture
def dead_pid():
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    return dead.pid


async def test_dead_worker_loses_it(bench, dead_pid):
    async with bench.open() as one, bench.open() as two:
        one._leases._name = f"{dead_pid}.x"
        await bench.put(one, "a")
        lease = await one.next_lease()
        assert (await two.next_lease()).id == lease.id


async def test_destinations_are_skipped(bench):
    async with bench.open() as queue:
        await bench.put(queue, "a")
        await bench.put(queue, "b")
        lease = await queue.next_lease()
        await lease.route("slow.example.net")
        await lease.release()
        other = await queue.next_lease(skip={"slow.example.net"})
        assert other.envelope.recipients[0].address.local == "b"
        assert await none_due(queue, skip={"slow.example.net"})
        assert (await queue.next_lease()).destination == "slow.example.net"


async def test_same_address_twice_and_strangers(bench):
    async with bench.open() as queue:
        await bench.put(queue, "a", "a")
        await bench.put(queue, "b")
        lease, other = await queue.next_lease(), await queue.next_lease()
        stranger = RecipientResult(other.envelope.recipients[0], OK)
        await lease.finish(
            [RecipientResult(lease.envelope.recipients[0], OK), stranger], retry_at=None
        )
        assert await bench.names(queue) == ["a", "b"]


async def test_settling_is_not_cancelled(bench):
    async with bench.open() as queue:
        await bench.put(queue, "a")
        lease = await queue.next_lease()
        with trio.CancelScope() as scope:
            scope.cancel()
            await bench.done(lease)
        assert await queue.entries() == []


async def test_failed_settle_keeps_the_lease(bench):
    async with bench.open() as queue:
        await bench.put(queue, "a")
        lease = await queue.next_lease()
        database = queue._parts.database
        database.writer.execute("PRAGMA query_only=1")
        with pytest.raises(StorageTrouble):
            await bench.done(lease)
        database.writer.execute("PRAGMA query_only=0")
        assert await none_due(queue)
        await bench.done(lease)
        assert await queue.entries() == []


async def test_open_round_is_not_seen_and_is_waited_for(bench):
    async with bench.open() as queue:
        await bench.put(queue, "a")
        database = queue._parts.database
        assert database.begin()
        database.writer.execute("DELETE FROM entry")
        assert await bench.names(queue) == ["a"]
        assert await none_due(queue)
        database.rollback()
        await queue.next_lease()


async def test_only_one_writes(bench):
    async with bench.open() as one, bench.open() as two:
        assert one._parts.database.begin()
        assert not two._parts.database.begin()
        one._parts.database.rollback()
        assert two._parts.database.begin()


async def test_polled_without_notices(bench):
    async with bench.open() as one, bench.open() as two, trio.open_nursery() as nursery:
        found = []

        async def wait():
            found.append(await one.next_lease())

        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        await bench.put(two, "a")
        with trio.fail_after(100):
            while not found:
                await trio.testing.wait_all_tasks_blocked(0.1)


async def later_at(bench, queue, later, retry_at) -> None:
    lease = await queue.next_lease()
    results = [RecipientResult(one, later) for one in lease.envelope.recipients]
    await lease.finish(results, retry_at=retry_at)


@pytest.mark.parametrize("retry_at", [-1e300, float("-inf"), float("nan"), 0.0, 1.0])
async def test_a_retry_in_the_past_is_now(bench, later, retry_at):
    async with bench.open() as queue:
        await bench.put(queue, "a")
        await later_at(bench, queue, later, retry_at)
        (entry,) = await queue.entries()
        assert entry.retry_at == bench.clock.wall()
        await bench.done(await queue.next_lease())


@pytest.mark.parametrize("retry_at", [1e300, float("inf")])
async def test_a_retry_far_ahead_is_bounded(bench, later, retry_at):
    async with bench.open() as queue:
        await bench.put(queue, "a")
        await later_at(bench, queue, later, retry_at)
        assert await none_due(queue)
        bench.clock.advance(RETRY_LONGEST_SECONDS)
        await bench.done(await queue.next_lease())


async def test_a_clock_set_back_delays_nothing_for_years(bench, later):
    async with bench.open() as queue:
        for name in ("a", "b"):
            await bench.put(queue, name)
        right = bench.clock.wall()
        bench.clock.set_wall(right + 400 * 86_400)
        await later_at(bench, queue, later, bench.clock.wall() + 3_600)
        bench.clock.set_wall(right)
        await bench.done(await queue.next_lease())
        bench.clock.advance(2.0)
        await bench.done(await queue.next_lease())
        assert await queue.entries() == []
