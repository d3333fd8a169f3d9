"""Crashes: every committed entry exists exactly once, whatever the file lacks."""

from __future__ import annotations

from thurn.plugin import RecipientResult
from thurn.types.status import OK
from thurn_queue_spool.edit import EntryChange
from thurn_queue_spool.record import Removed, Settled


async def test_power_cut_at_every_step(bench, later):
    states, wanted = [], []

    async def step(queue):
        states.append(bench.power_cut(f"cut{len(states)}"))
        wanted.append(await queue.entries())

    async with bench.open() as queue:
        await step(queue)
        await bench.put(queue, "a", "b", "c", key="t1")
        await step(queue)
        await bench.put(queue, "d")
        lease = await queue.next_lease()
        await lease.route("mx.example.net")
        await step(queue)
        one, two, _ = lease.envelope.recipients
        results = [RecipientResult(one, OK), RecipientResult(two, later)]
        await lease.finish(results, retry_at=bench.clock.wall() + 60)
        await step(queue)
        await queue.remove((await queue.entries())[1].id)
        await step(queue)
    bench.clock.reboot(down_seconds=1)
    for state in states:
        async with bench.open(state) as queue:
            for _again in range(2):
                bench.log.replay()
                assert await queue.entries() == wanted[-1]
            await bench.put(queue, "a", "b", "c", key="t1")
            assert await queue.entries() == wanted[-1]
            lease = await queue.next_lease()
            assert [one.address.local for one in lease.envelope.recipients] == ["c"]
            assert lease.destination == "mx.example.net"


async def test_worker_dies_between_sync_and_commit(bench):
    async with bench.open() as queue:
        bench.die_before_commit(bench.deposit(queue, "a", key="t1"))
        assert await bench.names(queue) == []
        bench.log.replay()
        assert await bench.names(queue) == ["a"]


async def test_another_worker_has_taken_the_number(bench):
    async with bench.open() as queue:
        bench.die_before_commit(bench.deposit(queue, "a", key="t1"))
        await bench.put(queue, "b")  # with the same number
        bench.log.replay()
        assert await bench.names(queue) == ["a", "b"]
        await bench.done(await queue.next_lease())
        await bench.done(await queue.next_lease())
        bench.log.replay()
        assert await bench.names(queue) == []


async def test_lost_attempt_counts_and_moves_no_time(bench, later):
    async with bench.open() as queue:
        deposit = await bench.put(queue, "a", "b")
        parts = queue._parts
        late = bench.clock.wall() + 900
        bench.die_before_commit(
            EntryChange(parts, deposit.id, lambda n: Settled(n, deposit.id, [0], [1], late, None))
        )
        lease = await queue.next_lease()
        two = lease.envelope.recipients[1]
        await lease.finish([RecipientResult(two, later)], retry_at=late - 1)  # with the same number
        bench.log.replay()
        (entry,) = await queue.entries()
        assert [one.address.local for one in entry.envelope.recipients] == ["b"]
        assert (entry.tries, entry.retry_at) == (1, late - 1)


async def test_lost_removal_is_done(bench):
    async with bench.open() as queue:
        deposit = await bench.put(queue, "a")
        bench.die_before_commit(
            EntryChange(queue._parts, deposit.id, lambda n: Removed(n, deposit.id))
        )
        bench.log.replay()
        assert await queue.entries() == []


async def test_pruning_brings_nothing_back(bench):
    async with bench.open() as queue:
        await bench.put(queue, "a", key="t1")
        await bench.done(await queue.next_lease())
        await bench.put(queue, "kept", key="t2")
        bench.clock.advance(8 * 86_400)
        queue._tend()
        rows = queue._parts.database.side.execute("SELECT count(*) FROM accepted").fetchall()
        assert rows == [(1,)]
        queue.replay([bench.log.records[0][1]])  # its settling was retired before
        assert await bench.names(queue) == ["kept"]
        bench.log.replay()
        assert await bench.names(queue) == ["kept"]
        bench.clock.set_wall(0)  # the clock was wrong, and new entries still count as newer
        deposit = bench.deposit(queue, "new")
        bench.die_before_commit(deposit)
        await bench.put(queue, "other")
        bench.log.replay()
        assert await bench.names(queue) == ["kept", "new", "other"]
