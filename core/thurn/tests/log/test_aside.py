"""One account in trouble: its records are put aside, and all other accounts go on."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager, suppress

import pytest
from thurn.contracts.commitlog import Record, Unapplied
from thurn.log import Files, Settler, open_log, recover
from thurn.log import aside as aside_module
from thurn.log.aside import Aside, directory_name
from thurn.log.segment import SegmentFile
from thurn.types.content import Blob
from thurn.types.errors import PluginError, StorageFull, StorageTrouble


@pytest.fixture
def site(kit, tmp_path):
    """A log with a store of accounts "a" and "b", which dies and is recovered as a test asks."""

    class Site:
        directory = tmp_path / "log"
        aside = tmp_path / "aside"
        clock = kit.Clock()
        store = kit.Store()

        def __init__(self):
            self.reports = []

        def report(self, event, **facts):
            self.reports.append((event, facts))

        @asynccontextmanager
        async def open(self, *, killed=False, **options):
            options.setdefault("settings", kit.SMALL)
            async with open_log(
                self.directory, clock=self.clock, report=self.report, **options
            ) as log:
                log.register("store", self.store)
                self.store.read = log.read
                log.note_recovered()
                yield log
                if killed:
                    log.failed.set()

        def recover(self, **options):
            return recover(
                self.directory,
                {"store": self.store},
                clock=self.clock,
                report=self.report,
                **options,
            )

        def settler(self, **options):
            return Settler(
                self.directory,
                {"store": self.store},
                clock=self.clock,
                report=self.report,
                **options,
            )

        async def fill(self, log, count, *names, size=1000):
            for n in range(count):
                blob = Blob(bytes([n % 256]) * size)
                await log.commit(
                    [kit.Add(self.store.account(name), str(n), blob) for name in names]
                )

        def forget_rows(self, name):
            """As after a power cut, or with an index from a backup."""
            rows, self.store.account(name).rows = self.store.account(name).rows, []
            return rows

        def values(self, name):
            return [value for value, _ in self.store.account(name).rows]

        def segments(self):
            return sorted(path.name for path in self.directory.glob("*/*.s*e*"))

    return Site()


async def damaged_at_start(site, *, size=1000, count=8):
    """A killed worker's records, replayed while account "a" is damaged; gives a's rows."""
    async with site.open(killed=True) as log:
        await site.fill(log, count, "a", "b", size=size)
    site.forget_rows("b")
    rows = site.forget_rows("a")
    site.store.troubled.add("a")
    return rows


async def test_a_damaged_account_does_not_stop_the_start(site):
    await damaged_at_start(site)
    done = site.recover()
    assert done.aside == 8
    assert site.values("a") == []
    assert site.values("b") == [str(n) for n in range(8)]
    told = [facts for event, facts in site.reports if event == "log.put_aside"]
    assert told[0] == {"owner": "store", "key": "a", "detail": "damaged"}


async def test_the_segment_is_retired_and_nothing_of_the_account_is_lost(site):
    wanted = await damaged_at_start(site)
    site.recover()
    async with site.open() as log:
        assert await site.settler().run(once=True) >= 1
        assert not list(site.directory.glob("*/*.sealed"))
        assert log.is_aside("store", "a")
        assert not log.is_aside("store", "b")
        with pytest.raises(StorageTrouble):
            await log.restore("store", "a")
        assert log.is_aside("store", "a")
        site.store.troubled.clear()
        await log.restore("store", "a")
        assert not log.is_aside("store", "a")
    assert site.store.account("a").rows == wanted
    assert {n: site.store.final["a", n + 1][:1] for n in range(8)} == {
        n: bytes([n]) for n in range(8)
    }


async def test_records_come_back_in_the_order_of_their_time(site):
    for _time in range(3):
        async with site.open(killed=True) as log:
            site.store.troubled.clear()
            await site.fill(log, 20, "a")
        site.store.troubled.add("a")
        site.recover(everything=True)
    site.store.troubled.clear()
    site.forget_rows("a")
    async with site.open() as log:
        await log.restore("store", "a")
    times = [record.written_at_ns for record in site.store.restored]
    assert times == sorted(set(times))
    assert len(times) == len(site.store.account("a").rows) == 60


async def test_twice_put_aside_is_there_once(site):
    await damaged_at_start(site)
    site.recover()
    site.recover(everything=True)
    await site.settler().run(once=True)
    site.store.troubled.clear()
    async with site.open() as log:
        await log.restore("store", "a")
    assert len(site.store.restored) == 8


async def test_the_housekeeper_restores_what_nobody_asks_for(site):
    wanted = await damaged_at_start(site)
    site.recover()
    assert site.settler().restore() == 0
    assert ("log.still_aside", {"owner": "store", "key": "a", "detail": "damaged"}) in site.reports
    site.store.troubled.clear()
    assert site.settler().restore() == 1
    assert site.store.account("a").rows == wanted
    assert site.settler().restore() == 0


async def test_beyond_the_bound_the_segment_stays_and_nothing_is_lost(site, monkeypatch):
    wanted = await damaged_at_start(site)
    monkeypatch.setattr(aside_module, "KEY_OCTETS", 1000)
    site.recover()
    assert "log.aside_full" in [event for event, _ in site.reports]
    with pytest.raises(StorageFull):
        await site.settler().run(once=True)
    assert list(site.directory.glob("*/*.sealed"))
    site.store.troubled.clear()
    async with site.open() as log:
        assert log.is_aside("store", "a")
        await log.restore("store", "a")
        assert site.store.account("a").rows == wanted
        await site.settler().run(once=True)
    assert not list(site.directory.glob("*/*.sealed"))
    assert len(site.store.final) == 16


async def test_room_that_others_need_is_not_taken(site, kit, tmp_path):
    await damaged_at_start(site)
    disk = kit.Disk(tmp_path)
    disk.free = 12_000
    site.recover(files=disk)
    assert "log.aside_full" in [event for event, _ in site.reports]


async def test_a_damaged_file_raises_storage_trouble_and_stays(site):
    await damaged_at_start(site)
    site.recover()
    site.store.troubled.clear()
    (path, *_) = site.aside.glob("store/a/*.aside")
    octets = bytearray(path.read_bytes())
    octets[100] ^= 1
    path.write_bytes(octets)
    async with site.open() as log:
        with pytest.raises(StorageTrouble, match="is damaged"):
            await log.restore("store", "a")
        assert log.is_aside("store", "a")


async def test_an_owner_that_cannot_restore_may_not_put_aside(site, kit):
    await damaged_at_start(site)
    site.recover()

    class Plain:
        def replay(self, records):
            return ()

        def settle(self, records):
            return ()

    site.store = Plain()
    async with open_log(site.directory, clock=site.clock) as log:
        log.register("store", site.store)
        with pytest.raises(PluginError):
            await log.restore("store", "a")


@pytest.mark.parametrize("cut_at", range(1, 40))
async def test_what_was_put_aside_is_on_the_disk_before_the_segment_goes(
    site, kit, tmp_path, cut_at
):
    """A power cut at each call of the file system, from the settling on."""
    disk = kit.Disk(tmp_path)
    async with site.open(killed=True, files=disk) as log:
        await site.fill(log, 3, "a", "b", size=100)
    wanted = [value for value, _ in site.store.account("a").rows]
    site.recover(files=disk)
    site.forget_rows("a")  # the index is lost
    site.store.troubled.add("a")
    disk.on_syncfs = site.store.synced
    disk.calls, disk.cut_at = 0, cut_at
    with suppress(kit.PowerCutError):
        await site.settler(files=disk).run(once=True)
    left = tmp_path.with_name(f"{tmp_path.name}-left")
    disk.after_power_cut(left, random.Random(cut_at))
    store = kit.Store()
    for path in (left / "log").glob("*"):
        path.is_dir() and (path / "lock").touch()
    recover(left / "log", {"store": store}, clock=site.clock, everything=True)
    async with open_log(left / "log", clock=site.clock) as log:
        log.register("store", store)
        store.read = log.read
        if log.is_aside("store", "a"):
            await log.restore("store", "a")
    assert [value for value, _ in store.account("a").rows] == wanted


def test_a_file_is_on_the_disk_when_it_was_put(site, kit, tmp_path):
    """Whatever syncs the file system later: `aside` may be on another one than the stores."""
    disk = kit.Disk(tmp_path)
    segment = SegmentFile(site.directory / "x", 0, 1)
    record = Record(b"payload", 1)
    Aside(site.directory, disk).put(
        "store", segment, [Unapplied(record, "a", "why")], lambda _: None
    )
    left = tmp_path.with_name(f"{tmp_path.name}-left")
    disk.after_power_cut(left, random.Random(0))
    owner = kit.Store()
    owner.restore = lambda _key, records, _read: owner.restored.extend(records)
    Aside(left / "log", Files()).restore("store", owner, "a", ())
    assert owner.restored == [record]


async def test_trouble_of_one_index_at_its_commit_is_not_the_logs(site, kit):
    async with site.open() as log:
        a, b = site.store.account("a"), site.store.account("b")
        await site.fill(log, 2, "a", "b")
        a.fail_commit = StorageTrouble("malformed", account="a")
        with pytest.raises(StorageTrouble) as caught:
            await log.commit([kit.Add(a, "lost")])
        assert caught.value.account == "a"
        both = [kit.Add(a, "lost"), kit.Add(b, "kept")]
        with pytest.raises(StorageFull) as partly:
            await log.commit(both)
        assert list(partly.value.missing) == both[:1]
        a.fail_commit = None
        await log.commit([kit.Add(a, "after")])
        assert not log.has_failed
    site.forget_rows("a")
    site.forget_rows("b")
    site.recover(everything=True)
    assert site.values("a") == ["0", "1", "after"]
    assert site.values("b") == ["0", "1", "kept"]


@pytest.mark.parametrize(
    "key", ["", ".", "..", "../../etc", "a/b", "A", "a", "%41", "\ud800", "é", "x" * 300, "a\0b"]
)
def test_no_key_leaves_its_directory(key):
    name = directory_name(key)
    assert name
    assert "/" not in name
    assert not name.startswith(".")
    assert name == name.lower()
    assert len(name) < 200


def test_different_keys_have_different_names():
    keys = ["a", "A", "%41", "%61", "x" * 300, "x" * 301, "", "%%", "."]
    assert len({directory_name(key) for key in keys}) == len(keys)


async def test_keys_are_read_back_from_names(site):
    keys = {"Ann/..@exämple \N{SNOWMAN}", "x" * 300, "plain", "."}
    aside = Aside(site.directory, Files())
    segment = SegmentFile(site.directory / "x", 0, 1)
    aside.put(
        "store", segment, [Unapplied(Record(b"x", 1), key, "why") for key in keys], lambda _: None
    )
    assert set(aside.keys("store")) == keys
    assert aside.keys("nobody") == []
