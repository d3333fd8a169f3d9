from __future__ import annotations

from contextlib import asynccontextmanager
from random import Random

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from thurn.log import LogSettings, Reader, Settler, open_log, recover
from thurn.log.frame import FIRST_FRAME, scan
from thurn.log.segment import segments, slots
from thurn.types.content import Blob
from thurn.types.errors import StorageFull, StorageTrouble

SMALL = LogSettings(segment_octets=16384)


@pytest.fixture
def site(kit, tmp_path):
    """Opens the log with a store; `reports` is what the operator heard."""

    class Site:
        directory = tmp_path / "log"
        clock = kit.Clock()
        store = kit.Store()

        def __init__(self):
            self.reports = []

        def report(self, event, **facts):
            self.reports.append((event, facts))

        @asynccontextmanager
        async def open(self, **options):
            options.setdefault("settings", SMALL)
            async with open_log(
                self.directory, clock=self.clock, report=self.report, **options
            ) as log:
                log.register("store", self.store)
                self.store.read = log.read
                yield log

        def recover(self, store=None, **options):
            return recover(
                self.directory,
                {"store": store or self.store},
                clock=self.clock,
                report=self.report,
                **options,
            )

        async def settle(self, **options):
            settler = Settler(
                self.directory,
                options.pop("owners", {"store": self.store}),
                clock=self.clock,
                report=self.report,
                **options,
            )
            return await settler.run(once=True)

        async def fill(self, log, count, size=1000):
            for n in range(count):
                blob = Blob(bytes([n % 256]) * size)
                await log.commit([kit.Add(self.store.account("a"), str(n), blob)])

    return Site()


@pytest.fixture
def crash(site):
    """A log that ends as if killed: nothing sealed."""

    @asynccontextmanager
    async def one(**options):
        async with site.open(**options) as log:
            yield log
            log.failed.set()

    return one


async def test_a_killed_worker_is_replayed_in_order_and_once(site, crash, kit):
    async with crash() as log:
        await site.fill(log, 40)
    rows = site.store.account("a").rows
    wanted = list(rows)
    rows.pop()  # synced in the log, killed before the index had it
    done = site.recover()
    assert rows == wanted
    # The others were sealed when they were full, so the index of this boot has them.
    numbers = [kit.decode(record.payload)[1] for record in site.store.replayed]
    assert numbers == list(range(41 - done.records, 41))
    assert done.frames == done.records > 0
    assert segments(site.directory, 0, "seg") == []
    assert site.recover().records == 0


async def test_the_first_start_of_a_boot_replays_all_that_was_not_retired(site, crash, kit):
    async with crash() as log:
        await site.fill(log, 40)
    site.clock.boot_id = "boot-2"
    fresh = kit.Store()
    assert site.recover(fresh).records == 40
    assert [value for value, _ in fresh.account("a").rows] == [str(n) for n in range(40)]
    reader = Reader(site.directory)
    assert [reader.read(ref) for _, ref in fresh.account("a").rows] == [
        bytes([n]) * 1000 for n in range(40)
    ]
    assert site.recover(kit.Store()).records == 0
    assert site.recover(kit.Store(), everything=True).records == 40


async def test_before_recovery_nothing_is_committed_and_nothing_settled(site, crash, kit):
    async with crash() as log:
        await site.fill(log, 40)
    async with site.open() as log:
        assert log._slot == 1  # what must be replayed is not touched
        with pytest.raises(StorageTrouble, match="recovered"):
            await site.fill(log, 1)
        site.recover()
        await site.fill(log, 1)
    site.clock.boot_id = "boot-2"
    assert await site.settle() == 0
    site.recover()
    assert await site.settle() > 0


async def test_a_living_worker_is_left_alone(site, kit):
    async with site.open() as log:
        await site.fill(log, 3)
        assert site.recover(kit.Store()).records == 0
        assert len(segments(site.directory, 0, "seg")) >= 1
        await site.fill(log, 3)


async def test_records_of_several_workers_are_merged_by_time(site, crash, kit):
    async with crash() as one, crash() as two:
        for n in range(6):
            log = one if n % 2 else two
            await log.commit([kit.Add(site.store.account("a"), str(n))])
    fresh = kit.Store()
    site.recover(fresh)
    assert [value for value, _ in fresh.account("a").rows] == list("012345")
    assert slots(site.directory) == [0, 1]


async def test_an_owner_that_is_missing_refuses_the_start(site, crash):
    async with crash() as log:
        await site.fill(log, 1)
    with pytest.raises(StorageTrouble, match="'store'"):
        recover(site.directory, {}, clock=site.clock)
    assert site.recover().records == 1


async def test_an_owner_that_fails_keeps_everything(site, crash, kit):
    async with crash() as log:
        await site.fill(log, 3)
    broken = kit.Store()
    broken.replay = lambda records: 1 / 0
    with pytest.raises(ZeroDivisionError):
        site.recover(broken)
    assert site.recover().records == 3


async def test_large_replays_come_in_parts(site, crash, kit, monkeypatch):
    monkeypatch.setattr("thurn.log.recovery.REPLAY_OCTETS", 2000)
    async with crash() as log:
        await site.fill(log, 30, size=10)
    parts = []
    fresh = kit.Store()
    replay = fresh.replay
    fresh.replay = lambda records: (parts.append(len(records)), replay(records))[1]
    site.recover(fresh)
    assert len(parts) > 3
    assert sum(parts) == 30


async def test_numbers_of_a_dead_worker_and_those_given_again_come_together(
    site, crash, kit, monkeypatch
):
    monkeypatch.setattr("thurn.log.recovery.REPLAY_OCTETS", 2000)
    async with crash() as one, crash() as two:
        await site.fill(one, 20, size=10)
        await one.commit([kit.Add(site.store.account("a"), "dead")])
        site.store.account("a").rows.pop()  # killed between the sync and the commit of the index
        await site.fill(two, 20, size=10)
    site.clock.boot_id = "boot-2"  # and a power cut
    parts = []
    fresh = kit.Store()
    fresh.replay = lambda records: parts.append([kit.decode(r.payload)[1:3] for r in records])
    site.recover(fresh)
    assert len(parts) > 1
    [part] = [part for part in parts if (21, "dead") in part]
    assert (21, "0") in part


async def test_settling_brings_blobs_home_and_frees_the_segment(site, kit):
    async with site.open() as log:
        await site.fill(log, 60)
        rows = list(site.store.account("a").rows)
        assert await site.settle() > 0
        assert Reader(site.directory).read(rows[0][1]) is None
        assert site.store.final["a", 1] == bytes(1000)
        assert log.read(rows[0][1]) == bytes(1000)  # the descriptor is open, nothing has changed
        await site.fill(log, 60)  # recycles what was freed
        assert log.read(rows[0][1]) is None
        rows = site.store.account("a").rows
        assert log.read(rows[-1][1]) == bytes([59]) * 1000
    assert await site.settle() > 0
    assert len(site.store.final) == 120
    assert len(site.store.settled) == 120
    names = [p.name for p in (site.directory / "0").iterdir()]
    assert 2 <= sum(name.startswith("free-") for name in names) <= 8
    assert all(name == "lock" or name.startswith("free-") for name in names)


async def test_a_scarce_disk_gets_every_segment_back(site, kit, tmp_path):
    disk = kit.Disk(tmp_path)
    async with site.open(files=disk) as log:
        await site.fill(log, 120)
        row = site.store.account("a").rows[0][1]
        blob = log.read(row)
        assert blob is not None  # from now on its file is open here
        assert await site.settle(files=disk) > 2
        free = list((site.directory / "0").glob("free-*.seg"))
        assert len(free) > 1
        disk.free = 400_000
        await site.fill(log, 1)
        await site.settle(files=disk)
        assert not list((site.directory / "0").glob("free-*.seg"))
        # Its room is given back although it was open, unless it is the next segment already.
        assert log.read(row) in (None, blob)
        with pytest.raises(StorageFull):
            await site.fill(log, 60)


async def test_the_sync_comes_before_the_segment_goes(site, kit, tmp_path):
    disk = kit.Disk(tmp_path)
    async with site.open(files=disk) as log:
        await site.fill(log, 3)
    disk.errors["sync_filesystem"] = kit.broken()
    with pytest.raises(OSError, match="error"):
        await site.settle(files=disk)
    assert len(segments(site.directory, 0, "sealed")) == 1
    disk.errors.clear()
    assert await site.settle(files=disk) == 0  # a second sync says nothing of the first's pages
    site.recover()
    assert await site.settle(files=disk) == 1


async def test_a_failing_owner_keeps_its_segment_and_is_reported(site, nursery, monkeypatch):
    monkeypatch.setattr("thurn.log.settle.RETRY_SECONDS", 0)
    async with site.open() as log:
        await site.fill(log, 3)
    with pytest.raises(StorageTrouble):
        await site.settle(owners={})
    site.store.error = RuntimeError("no")
    with pytest.raises(RuntimeError):
        await site.settle()
    told = trio.Event()
    settler = Settler(
        site.directory,
        {"store": site.store},
        clock=site.clock,
        report=lambda event, **facts: (site.reports.append(event), told.set()),
    )
    nursery.start_soon(settler.run)
    await told.wait()
    assert site.reports[0] == "log.unsettled"
    assert len(segments(site.directory, 0, "sealed")) == 1
    site.store.error = None
    with trio.fail_after(100):
        while segments(site.directory, 0, "sealed"):  # noqa: ASYNC110 - a file goes
            await trio.sleep(0.001)


async def test_the_real_sync_of_a_file_system(site):
    async with site.open() as log:
        await site.fill(log, 3)
    assert await site.settle(filesystems=[site.directory.parent]) == 1


def damage(path, offset, octets=b"\xff\xff\xff\xff"):
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(octets)


async def test_a_damaged_frame_is_reported_and_the_rest_replayed(site, crash, kit):
    async with crash() as log:
        await site.fill(log, 5, size=500)
    path = segments(site.directory, 0, "seg")[0].path
    size = (
        scan(path.read_bytes(), segments(site.directory, 0, "seg")[0].generation).frames[0].octets
    )
    damage(path, FIRST_FRAME + size + 20)
    fresh = kit.Store()
    fresh.account("a").rows = site.store.account("a").rows[:2]
    assert site.recover(fresh).records == 4
    assert [event for event, _ in site.reports] == ["log.damaged"]
    assert "1 to 1" in site.reports[0][1]["detail"]
    assert [kit.decode(r.payload)[1] for r in fresh.replayed] == [1, 3, 4, 5]
    await site.settle()
    assert [p.suffix for p in (site.directory / "0").iterdir()].count(".damaged") == 1


async def test_a_damaged_blob_keeps_its_record(site, crash, kit):
    async with crash() as log:
        await site.fill(log, 3, size=500)
        reference = site.store.account("a").rows[1][1]
    path = segments(site.directory, 0, "seg")[0].path
    damage(path, reference.offset + 100)
    fresh = kit.Store()
    assert site.recover(fresh).records == 3
    assert site.reports[0][0] == "log.damaged"
    assert Reader(site.directory).read(reference) is None


async def test_a_torn_end_is_silent(site, crash, kit):
    async with crash() as log:
        await site.fill(log, 3, size=500)
        reference = site.store.account("a").rows[2][1]
    path = segments(site.directory, 0, "seg")[0].path
    damage(path, reference.offset + 100)
    assert site.recover(kit.Store()).records == 2
    assert site.reports == []


async def test_a_damaged_header_is_taken_from_the_first_frame(site, crash, kit):
    async with crash() as log:
        await site.fill(log, 3, size=500)
    damage(segments(site.directory, 0, "seg")[0].path, 4)
    assert site.recover(kit.Store()).records == 3
    assert site.reports[0][0] == "log.damaged"


async def test_a_frame_inside_a_message_is_never_replayed(site, crash, kit):
    """A message that carries a copy of a frame of an earlier segment, met in a recycled file."""
    async with site.open() as log:
        await site.fill(log, 2, size=100)
    old = segments(site.directory, 0, "sealed")[0].path.read_bytes()[FIRST_FRAME:5000]
    await site.settle()
    async with site.open() as log:
        await log.commit([kit.Add(site.store.account("a"), "x", Blob(old * 5))])
    await site.settle()
    async with crash() as log:
        await site.fill(log, 1, size=1)
    assert site.recover().records == 1


@given(octets=st.binary(max_size=300), at=st.integers(0, 5000))
@settings(max_examples=100, deadline=None)
def test_a_scan_of_anything_gives_no_error(octets, at):
    page = bytearray(6000)
    page[at : at + len(octets)] = octets
    scan(bytes(page), 7)
    scan(octets, 7)


# The power cut, at any call, losing any part of the octets that were not synced


async def scenario(kit, disk, directory, random, acknowledged):
    store = kit.Store()
    disk.on_syncfs = store.synced
    clock = kit.Clock()
    serial = iter(range(10**6))

    async def client(log, number):
        for _ in range(random.randint(3, 10)):
            names = random.sample("abcd", random.choice([1, 1, 2]))
            value = f"{number}-{next(serial)}"
            blob = Blob(value.encode() * random.randint(1, 300))
            group = [kit.Add(store.account(name), value, blob) for name in names]
            if random.random() < 0.1:
                group[-1].error = KeyError("refused")
            store.account("a").busy += random.random() < 0.1
            try:
                await log.commit(group)
            except (KeyError, StorageFull, StorageTrouble):
                continue
            acknowledged.append([(c.resource.name, c.number, value) for c in group])

    async def settle():
        settler = Settler(directory, {"store": store}, clock=clock, files=disk)
        while True:
            await trio.sleep(0.002)
            await settler.run(once=True)

    disk.store = store
    async with open_log(directory, clock=clock, settings=SMALL, files=disk) as log:
        log.register("store", store)
        store.read = log.read
        log._syncer.mean_seconds = random.choice([0.0, 0.1])  # in the loop, or in a thread
        log._syncer.threaded = log._syncer.mean_seconds > 0
        async with trio.open_nursery() as background:
            background.start_soon(settle)
            async with trio.open_nursery() as nursery:
                for number in range(4):
                    nursery.start_soon(client, log, number)
            background.cancel_scope.cancel()


@pytest.mark.slow
@given(cut_at=st.integers(1, 120), seed=st.integers(0, 2**32))
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_power_cut_at_any_call_loses_nothing_acknowledged(kit, tmp_path_factory, cut_at, seed):
    random = Random(seed)
    directory = tmp_path_factory.mktemp("before")
    left = tmp_path_factory.mktemp("after")
    disk = kit.Disk(directory)
    disk.cut_at = cut_at
    disk.short = random.random() < 0.3
    acknowledged = []
    try:
        trio.run(scenario, kit, disk, directory, random, acknowledged)
    except kit.PowerCutError:
        pass  # at the close
    except BaseExceptionGroup as group:
        if group.split(kit.PowerCutError)[1] is not None:
            raise
    check(kit, disk, left, random, acknowledged)


def check(kit, disk, left, random, acknowledged):
    disk.after_power_cut(left, random)
    clock = kit.Clock()
    clock.boot_id = "boot-2"
    reader = Reader(left)
    reports = []
    before = {name: account.rows for name, account in disk.store.accounts.items()}
    store = disk.store.after_power_cut(random)
    store.read = reader.read
    recover(
        left, {"store": store}, clock=clock, report=lambda event, **facts: reports.append(facts)
    )
    assert reports == []
    times = [record.written_at_ns for record in store.replayed]
    assert times == sorted(times)
    found = {
        (name, number, value)
        for name, account in store.accounts.items()
        for number, (value, _) in enumerate(account.rows, 1)
    }
    for group in acknowledged:
        assert found.issuperset(group)
    for name, rows in before.items():  # what was visible is what was replayed
        assert store.account(name).rows[: len(rows)] == rows
    replayed = {}  # no half group: each value is in the log for all of its accounts or for none
    for record in store.replayed:
        name, _, value, _ = kit.decode(record.payload)
        replayed.setdefault(value, set()).add(name)
    for group in acknowledged:
        _, _, value = group[0]
        assert replayed.get(value, {name for name, _, _ in group}) == {n for n, _, _ in group}
    trio.run(_settle, left, store, clock)
    for group in acknowledged:
        for name, number, value in group:
            assert store.final[name, number].startswith(value.encode())


async def _settle(left, store, clock):
    await Settler(left, {"store": store}, clock=clock).run(once=True)
