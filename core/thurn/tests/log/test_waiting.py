"""What a commit waits for: busy accounts, a sync under way; and what ends the wait."""

from __future__ import annotations

import threading

import pytest
import trio
from thurn.log import open_log
from thurn.log import round as rounds
from thurn.log.syncer import Syncer
from thurn.types.errors import StorageTrouble


async def test_a_busy_account_waits_and_others_go_on(make, kit):
    log = await make()
    slow, quick = log.store.account("slow"), log.store.account("quick")
    slow.busy = 3
    order = []

    async def one(account, name):
        await log.commit([kit.Add(account, name)])
        order.append(name)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(one, slow, "slow")
        nursery.start_soon(one, quick, "quick")
    assert order == ["quick", "slow"]
    assert slow.busy == 0


async def test_what_stays_busy_is_given_up(make, kit, monkeypatch):
    monkeypatch.setattr(rounds, "BUSY_SECONDS", 0.02)
    log = await make()
    a, b = log.store.account("a"), log.store.account("b")
    a.busy = 10**9
    with pytest.raises(StorageTrouble, match="busy"):
        await log.commit([kit.Add(a, "never")])
    a.busy = 0
    await log.commit([kit.Add(a, "then"), kit.Add(b, "too")])
    assert [value for value, _ in a.rows] == ["then"]


async def test_a_resource_that_cannot_begin_fails_its_group_only(make, kit):
    log = await make()
    a = log.store.account("a")
    bad = log.store.account("bad")
    bad.begin = lambda: 1 / 0

    async def failing():
        with pytest.raises(ZeroDivisionError):
            await log.commit([kit.Add(bad, "x")])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(failing)
        nursery.start_soon(log.commit, [kit.Add(a, "y")])
    assert len(a.rows) == 1


async def test_cancelled_before_the_round_nothing_happened(make, kit):
    log = await make()
    a = log.store.account("a")
    with trio.CancelScope() as scope:
        scope.cancel()
        await log.commit([kit.Add(a, "never")])
    assert scope.cancelled_caught
    a.busy = 10**9
    with trio.move_on_after(0.01) as scope:
        await log.commit([kit.Add(a, "never")])
    assert scope.cancelled_caught
    a.busy = 0
    await log.commit([kit.Add(a, "then")])
    assert [value for value, _ in a.rows] == ["then"]


async def test_cancelled_in_the_round_it_is_done_all_the_same(make, kit):
    log = await make()
    a = log.store.account("a")
    await log.commit([kit.Add(a, "first")])
    log._syncer.threaded, log._syncer.mean_seconds = True, 1.0
    scope = trio.CancelScope()
    sync = log.disk.sync

    def slow(number):
        trio.from_thread.run_sync(scope.cancel)
        sync(number)

    log.disk.sync = slow
    with scope:
        await log.commit([kit.Add(a, "second")])
        done = True
    assert done
    assert len(a.rows) == 2


async def test_slow_syncs_go_to_a_thread_and_come_back(kit):
    class Slow(kit.Clock):
        now = 0.0

        def monotonic(self):
            return self.now

    class Files:
        cost = 0.0001
        threads = []  # noqa: RUF012

        def sync(self, number):
            clock.now += self.cost
            self.threads.append(threading.current_thread() is not threading.main_thread())

    clock, files = Slow(), Files()
    syncer = Syncer(files, clock, 0.001)
    for cost, count in (0.0001, 30), (0.002, 30), (0.0001, 60):
        files.cost = cost
        for _ in range(count):
            await syncer.sync(0)
    changes = [n for n in range(1, 120) if files.threads[n] != files.threads[n - 1]]
    assert len(changes) == 2
    assert 30 < changes[0] < 60 < changes[1]


async def test_waiting_groups_get_an_error_when_the_log_closes(kit, tmp_path):
    store = kit.Store()
    seen = []

    async def one(log):
        try:
            await log.commit([kit.Add(store.account("a"), "x")])
        except StorageTrouble as error:
            seen.append(error)

    store.account("a").busy = 10**9
    async with trio.open_nursery() as nursery, open_log(tmp_path, clock=kit.Clock()) as log:
        log.register("store", store)
        nursery.start_soon(one, log)
        await trio.sleep(0.005)
    assert len(seen) == 1
