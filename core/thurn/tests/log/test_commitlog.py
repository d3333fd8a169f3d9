from __future__ import annotations

import errno
import json
import os
import threading

import pytest
import trio
from thurn.log import LogSettings, open_log, recover
from thurn.log import round as rounds
from thurn.log.commitlog import GROUP_OCTETS, UNDO_OCTETS
from thurn.log.frame import scan
from thurn.log.segment import segments
from thurn.log.syncer import Syncer
from thurn.types.content import Blob
from thurn.types.errors import PluginError, StorageFull, StorageTrouble

SMALL = LogSettings(segment_octets=16384)


@pytest.fixture
async def make(kit, tmp_path, nursery):
    """Opens logs on one disk, each in a task of its own; `close` ends them in order."""
    disk = kit.Disk(tmp_path)
    disk.reports = []
    ends = []

    async def serve(settings, *, task_status):
        end, ended = trio.Event(), trio.Event()
        ends.append((end, ended))
        async with open_log(
            tmp_path,
            clock=kit.Clock(),
            settings=settings,
            files=disk,
            report=lambda event, **_: disk.reports.append(event),
        ) as log:
            log.store = kit.Store(log.read)
            log.register("store", log.store)
            log.disk = disk
            task_status.started(log)
            await end.wait()
        ended.set()

    async def one(settings=SMALL):
        return await nursery.start(serve, settings)

    async def close():
        for end, ended in ends:
            end.set()
            await ended.wait()

    one.close = close
    return one


def frames(tmp_path, slot=0):
    found = segments(tmp_path, slot, "sealed") + segments(tmp_path, slot, "seg")
    return [f for one in found for f in scan(one.path.read_bytes(), one.generation).frames]


async def test_a_commit_is_visible_told_and_readable(make, kit):
    log = await make()
    account = log.store.account("a")
    change = kit.Add(account, "one", Blob(b"octets"))
    await log.commit([change])
    assert change.told == 1
    value, reference = account.rows[0]
    assert value == "one"
    assert log.read(reference) == b"octets"


async def test_all_that_arrives_in_a_tick_is_one_frame(make, kit, tmp_path):
    log = await make()
    await log.commit([kit.Add(log.store.account("a"), "first")])
    async with trio.open_nursery() as nursery:
        for n in range(20):
            nursery.start_soon(log.commit, [kit.Add(log.store.account(f"a{n % 5}"), str(n))])
    assert len(frames(tmp_path)) == 2
    assert len(list(frames(tmp_path)[1].records())) == 20
    assert log.store.account("a0").begun == 1


async def test_what_becomes_runnable_in_the_next_tick_is_in_the_frame_too(make, kit, tmp_path):
    log = await make()
    await log.commit([kit.Add(log.store.account("a"), "first")])

    async def later(account):
        await trio.lowlevel.checkpoint()
        await log.commit([kit.Add(account, "x")])

    for n in range(20):  # trio shuffles each tick
        async with trio.open_nursery() as nursery:
            nursery.start_soon(log.commit, [kit.Add(log.store.account("b"), str(n))])
            nursery.start_soon(later, log.store.account("c"))
    assert [len(list(frame.records())) for frame in frames(tmp_path)] == [1] + [2] * 20


async def test_a_shared_blob_is_written_once(make, kit):
    log = await make()
    blob = Blob(b"x" * 3000)
    changes = [kit.Add(log.store.account(name), "v", blob) for name in "abc"]
    await log.commit(changes)
    assert len({log.store.account(name).rows[0][1] for name in "abc"}) == 1


async def test_a_raising_group_falls_alone_and_whole(make, kit, tmp_path):
    log = await make()
    a, b = log.store.account("a"), log.store.account("b")
    errors = []

    async def bad():
        with pytest.raises(KeyError) as caught:
            await log.commit([kit.Add(b, "half"), kit.Add(a, "bad", error=KeyError("bad"))])
        errors.append(caught)

    async with trio.open_nursery() as nursery:
        for n in range(10):
            nursery.start_soon(log.commit, [kit.Add(a, str(n)), kit.Add(b, str(n))])
            nursery.start_soon(bad)
    assert len(errors) == 10
    assert sorted(value for value, _ in a.rows) == sorted(value for value, _ in b.rows)
    assert len(a.rows) == 10
    records = [kit.decode(p) for f in frames(tmp_path) for _, p in f.records()]
    assert "half" not in {value for _, _, value, _ in records}
    assert [number for name, number, _, _ in records if name == "a"] == list(range(1, 11))


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


async def test_a_round_that_is_broken_off_leaves_its_segment_to_recovery(kit, tmp_path):
    class EndError(BaseException):
        pass

    def end():
        raise EndError

    store = kit.Store()
    store.account("a").commit = end

    async def worker():
        async with open_log(tmp_path, clock=kit.Clock()) as log:
            log.register("store", store)
            await log.commit([kit.Add(store.account("a"), "x")])

    with pytest.raises(BaseExceptionGroup):
        await worker()
    assert segments(tmp_path, 0, "sealed") == []
    store = kit.Store()
    assert recover(tmp_path, {"store": store}, clock=kit.Clock()).records == 1


async def test_no_room_fails_the_round_and_the_log_goes_on(make, kit, tmp_path):
    log = await make()
    a = log.store.account("a")
    await log.commit([kit.Add(a, "first")])
    log.disk.errors["write"] = kit.full()
    with pytest.raises(StorageFull):
        await log.commit([kit.Add(a, "no room")])
    log.disk.errors.clear()
    await log.commit([kit.Add(a, "second")])
    assert not log.failed.is_set()
    assert [value for value, _ in a.rows] == ["first", "second"]
    assert [kit.decode(p)[2] for f in frames(tmp_path) for _, p in f.records()] == [
        "first",
        "second",
    ]


async def test_half_a_frame_of_a_full_disk_is_overwritten(make, kit, tmp_path):
    log = await make()
    a = log.store.account("a")
    await log.commit([kit.Add(a, "first")])
    write, calls = log.disk.write, []

    def some(number, parts, offset):
        calls.append(offset)
        if len(calls) > 1:
            raise kit.full()
        return write(number, [b"".join(parts)[:300]], offset)

    log.disk.write = some
    with pytest.raises(StorageFull):
        await log.commit([kit.Add(a, "no room", Blob(b"x" * 2000))])
    log.disk.write = write
    await log.commit([kit.Add(a, "second")])
    assert len(frames(tmp_path)) == 2


@pytest.mark.slow
async def test_no_room_for_a_segment_is_told_and_passes(make, kit):
    log = await make(LogSettings(segment_octets=16384))
    a = log.store.account("a")
    await log.commit([kit.Add(a, "first")])
    with trio.fail_after(100):
        while log._spares._next is None:  # noqa: ASYNC110 - another thread's work, no event
            await trio.sleep(0.001)
    log.disk.errors["create"] = kit.full()

    async def fill():
        for _ in range(100):
            await log.commit([kit.Add(a, "x", Blob(os.urandom(3000)))])

    with pytest.raises(StorageFull):
        await fill()
    log.disk.errors.clear()
    with trio.fail_after(100):
        while True:
            try:
                await log.commit([kit.Add(a, "again")])
            except StorageFull:
                await trio.sleep(0.05)
            else:
                break
    assert a.rows[-1][0] == "again"


@pytest.mark.parametrize("call", ["write", "sync"])
async def test_an_io_error_ends_the_log(make, kit, call):
    log = await make()
    a = log.store.account("a")
    await log.commit([kit.Add(a, "first")])
    log.disk.errors[call] = kit.broken()
    with pytest.raises(StorageTrouble):
        await log.commit([kit.Add(a, "x")])
    log.disk.errors.clear()
    assert log.failed.is_set()
    assert "log.failed" in log.disk.reports
    with pytest.raises(StorageTrouble):
        await log.commit([kit.Add(a, "x")])
    assert len(a.rows) == 1
    assert a.pending is None


async def test_no_space_at_a_sync_ends_the_log_too(make, kit):
    log = await make()
    a = log.store.account("a")
    await log.commit([kit.Add(a, "first")])
    log.disk.errors["sync"] = OSError(errno.ENOSPC, "delayed")
    with pytest.raises(StorageTrouble):
        await log.commit([kit.Add(a, "x")])
    assert log.failed.is_set()


async def test_a_resource_that_cannot_commit_ends_the_log_and_is_replayed(make, kit, tmp_path):
    log = await make()
    a, b = log.store.account("a"), log.store.account("b")
    a.fail_commit = RuntimeError("commit failed")
    seen = []

    async def one(account):
        try:
            await log.commit([kit.Add(account, "x")])
        except StorageTrouble:
            seen.append((account.name, "trouble"))
        else:
            seen.append((account.name, "done"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(one, a)
        nursery.start_soon(one, b)
    assert sorted(seen) == [("a", "trouble"), ("b", "done")]
    assert log.failed.is_set()
    await make.close()
    assert segments(tmp_path, 0, "sealed") == []
    recover(tmp_path, log.owners, clock=kit.Clock())
    assert len(a.rows) == 1


async def attempt(log, *changes):
    """What a caller hears."""
    try:
        await log.commit(changes)
    except (StorageFull, StorageTrouble) as error:
        return type(error).__name__
    return "done"


async def together(log, *groups):
    """What the callers of one round hear, in order."""
    heard = {}

    async def one(number, group):
        heard[number] = await attempt(log, *group)

    async with trio.open_nursery() as nursery:
        for number, group in enumerate(groups):
            nursery.start_soon(one, number, group)
    return [heard[number] for number in range(len(groups))]


def values(tmp_path):
    return [json.loads(p)[2] for f in frames(tmp_path) for _, p in f.records()]


@pytest.mark.parametrize("segment_octets", [16384, 4608])
async def test_an_index_without_room_refuses_its_groups_only(make, kit, tmp_path, segment_octets):
    """What was on the disk of them already is taken back: no replay brings it."""
    log = await make(LogSettings(segment_octets=segment_octets))
    a, b, c = (log.store.account(name) for name in "abc")
    b.fail_commit = StorageFull("the index")
    groups = [
        [kit.Add(a, "a1"), kit.Add(a, "a2")],
        [kit.Add(b, "b1"), kit.Add(c, "with b1")],
        [kit.Add(c, "c1")],
        [kit.Add(b, "b2", Blob(b"x" * 1000))],
    ]
    assert await together(log, *groups) == ["done", "StorageFull", "done", "StorageFull"]
    assert not log.failed.is_set()
    assert sorted(values(tmp_path)) == ["a1", "a2", "c1", "with b1"]
    assert [change.told for group in groups for change in group] == [1, 1, 0, 1, 1, 0]
    b.fail_commit = None
    assert await attempt(log, kit.Add(b, "b again")) == "done"
    await make.close()
    assert segments(tmp_path, 0, "seg") == []
    store = kit.Store()
    recover(tmp_path, {"store": store}, clock=kit.Clock(), everything=True)
    rows = {name: sorted(value for value, _ in one.rows) for name, one in store.accounts.items()}
    assert rows == {"a": ["a1", "a2"], "c": ["c1", "with b1"], "b": ["b again"]}


async def test_a_group_that_was_done_in_part_says_what_is_missing(make, kit):
    log = await make()
    a, b = log.store.account("a"), log.store.account("b")
    b.fail_commit = StorageFull("the index")
    changes = [kit.Add(a, "a1"), kit.Add(b, "b1"), kit.Add(a, "a2"), kit.Add(b, "b2")]
    for group, missing in ((changes, changes[1::2]), (changes[1::2], [])):
        with pytest.raises(StorageFull) as caught:
            await log.commit(group)
        assert list(caught.value.missing) == missing
    assert not log.has_failed


@pytest.mark.parametrize("call", ["write", "sync"])
async def test_what_cannot_be_taken_back_ends_the_log(make, kit, tmp_path, call):
    log = await make()
    a = log.store.account("a")

    def fail():
        a.rollback()
        log.disk.errors[call] = kit.full()
        raise StorageFull

    a.commit = fail
    assert await attempt(log, kit.Add(a, "x")) == "StorageTrouble"
    assert log.failed.is_set()
    await make.close()
    recover(tmp_path, log.owners, clock=kit.Clock())
    # What a failed sync has left may be read: its caller knows nothing, so either is right.
    assert len(a.rows) == (call == "write")


async def test_the_room_to_take_back_is_written_with_the_frame(make, kit):
    """At the end of a segment, where the file must grow."""
    log = await make(LogSettings(segment_octets=4608))
    a = log.store.account("a")
    await log.commit([kit.Add(a, "x", Blob(b"x" * 3000))])
    segment = log._spares.current
    assert segment.path.stat().st_size >= segment.position + UNDO_OCTETS


async def test_an_observer_that_raises_is_reported(make, kit):
    log = await make()
    change = kit.Add(log.store.account("a"), "x")
    change.applied = lambda: 1 / 0
    await log.commit([change])
    assert log.disk.reports == ["log.observer_failed"]


async def test_owners_are_known_before_they_are_written(make, kit):
    log = await make()
    with pytest.raises(PluginError):
        log.register("store", log.store)
    change = kit.Add(log.store.account("a"), "x")
    change.apply = lambda frame: frame.record("nobody", b"")
    with pytest.raises(PluginError):
        await log.commit([change])


async def test_a_blob_with_a_file_is_refused(make, kit, tmp_path):
    log = await make()
    (tmp_path / "spill").write_bytes(b"x")
    with pytest.raises(ValueError, match="file of its own"):
        await log.commit([kit.Add(log.store.account("a"), "x", Blob(path=tmp_path / "spill"))])


async def test_segments_fill_and_are_sealed(make, kit, tmp_path):
    log = await make()
    a = log.store.account("a")
    for n in range(60):
        await log.commit([kit.Add(a, str(n), Blob(bytes([n]) * 1000))])
    assert segments(tmp_path, 0, "sealed")
    assert [log.read(reference) for _, reference in a.rows] == [
        bytes([n]) * 1000 for n in range(60)
    ]
    other = await make()
    assert other.read(a.rows[0][1]) == bytes(1000)
    await make.close()
    assert segments(tmp_path, 0, "seg") == []
    assert [f.sequence for f in frames(tmp_path)][:2] == [0, 1]


async def test_large_groups_go_beyond_a_segment(make, kit):
    log = await make()
    a = log.store.account("a")
    await log.commit([kit.Add(a, str(n), Blob(bytes([n]) * 5000)) for n in range(50)])
    assert [log.read(ref) for _, ref in a.rows] == [bytes([n]) * 5000 for n in range(50)]


async def test_short_writes_are_completed(make, kit):
    log = await make()
    log.disk.short = True
    a = log.store.account("a")
    await log.commit([kit.Add(a, str(n), Blob(bytes([n]) * 500)) for n in range(20)])
    assert [log.read(ref) for _, ref in a.rows] == [bytes([n]) * 500 for n in range(20)]


async def test_rounds_are_bounded(make, kit, tmp_path):
    log = await make(LogSettings(round_groups=8, round_octets=4000))
    a = log.store.account("a")
    await log.commit([kit.Add(a, "first")])
    async with trio.open_nursery() as nursery:
        for n in range(32):
            nursery.start_soon(log.commit, [kit.Add(a, str(n), Blob(os.urandom(1500)))])
    assert [len(list(f.records())) for f in frames(tmp_path)] == [1] + [3] * 10 + [2]


async def test_what_waits_when_the_log_closes_is_told(kit, tmp_path):
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


async def test_an_old_segment_is_sealed(make, kit, tmp_path):
    log = await make(LogSettings(segment_octets=16384, seal_after_seconds=0.02))
    await log.commit([kit.Add(log.store.account("a"), "x")])
    with trio.fail_after(100):
        while not segments(tmp_path, 0, "sealed"):  # noqa: ASYNC110 - a file appears
            await trio.sleep(0.005)


async def test_each_process_has_a_slot(make):
    one, two = await make(), await make()
    assert (one._slot, two._slot) == (0, 1)
    assert one.free_octets() > 0


async def test_without_room_for_the_index_no_record_is_written(make, kit, tmp_path):
    """An index that finds no room after the sync would cost the worker."""
    log = await make()
    a = log.store.account("a")
    await log.commit([kit.Add(a, "first")])
    log.disk.free = SMALL.spared_octets + GROUP_OCTETS - 1
    with pytest.raises(StorageFull):
        await log.commit([kit.Add(a, "no room")])
    assert len(frames(tmp_path)) == 1
    assert a.begun == 1
    log.disk.free = SMALL.spared_octets + 2 * GROUP_OCTETS
    async with trio.open_nursery() as nursery:
        for number in range(5):
            nursery.start_soon(log.commit, [kit.Add(a, str(number))])
    assert len(frames(tmp_path)) == 4  # two groups, two, one
    assert not log.failed.is_set()
