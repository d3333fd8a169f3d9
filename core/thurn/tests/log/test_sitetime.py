"""The order of frames of several workers, whatever the wall clock does."""

from __future__ import annotations

import pytest
from thurn.log import open_log, recover
from thurn.log.sitetime import SiteTime
from thurn.types.content import Blob


class SteppingClock:
    """A wall clock that steps back as a test asks; the monotonic one never does."""

    def __init__(self):
        self.boot_id = "boot-1"
        self.now = 1000.0
        self.ahead = 5_000.0

    def monotonic(self):
        self.now += 0.001
        return self.now

    def wall(self):
        return 1_700_000_000 + self.now + self.ahead

    def reboot(self):
        self.boot_id += "x"
        self.now = 3.0


@pytest.fixture
def clock():
    return SteppingClock()


@pytest.fixture
def write(kit, tmp_path, clock):
    """Writes rows to one account with a log of its own, which dies at the end."""
    store = kit.Store()
    rows = []

    async def some(log, count):
        account = store.account("a")
        for _ in range(count):
            rows.append(f"{len(rows)}")
            await log.commit([kit.Add(account, rows[-1], Blob(b"x" * 10))])

    def opened():
        return open_log(tmp_path / "log", clock=clock, settings=kit.SMALL)

    def replayed(*, everything=True):
        """What an empty store gets, call by call."""
        parts = []
        fresh = kit.Store()
        fresh.replay = lambda records: parts.append([kit.decode(r.payload)[1] for r in records])
        recover(tmp_path / "log", {"store": fresh}, clock=clock, everything=everything)
        return [number for part in parts for number in part], parts

    some.store, some.opened, some.replayed, some.rows = store, opened, replayed, rows
    return some


async def test_a_clock_that_steps_back_does_not_turn_two_workers_round(write, clock, monkeypatch):
    """Else, with more to replay than one call takes, the owner hears of later numbers first, and
    takes earlier appends for expunged."""
    monkeypatch.setattr("thurn.log.recovery.REPLAY_OCTETS", 2000)
    async with write.opened() as one, write.opened() as two:
        for log in (one, two):
            log.register("store", write.store)
        await write(one, 20)
        clock.ahead = 0.0
        await write(two, 20)
        await write(one, 5)
        for log in (one, two):
            log.failed.set()
    clock.reboot()
    numbers, parts = write.replayed()
    assert len(parts) > 1
    assert numbers == list(range(1, 46))


async def test_nor_does_one_that_steps_back_between_two_boots(write, clock, monkeypatch):
    monkeypatch.setattr("thurn.log.recovery.REPLAY_OCTETS", 2000)
    for _boot in range(3):
        async with write.opened() as log:
            log.register("store", write.store)
            log.note_recovered()
            await write(log, 15)
            log.failed.set()
        clock.ahead -= 2_000
        clock.reboot()
        write.replayed()  # which seals the segments; nothing is settled
    numbers, _ = write.replayed()
    assert numbers == list(range(1, 46))


async def test_nor_between_two_workers_in_one_slot(write, clock):
    for _worker in range(3):
        async with write.opened() as log:
            log.register("store", write.store)
            log.note_recovered()
            await write(log, 15)
        clock.ahead -= 2_000
    numbers, _ = write.replayed()
    assert numbers == list(range(1, 46))


def test_all_processes_of_a_boot_have_one_time(tmp_path, clock):
    first = SiteTime(tmp_path, clock)
    before = first.now_ns()
    assert before == pytest.approx(clock.wall() * 1e9, abs=1e8)
    clock.ahead = -100_000.0
    second = SiteTime(tmp_path, clock)
    assert before < second.now_ns() < first.now_ns() < second.now_ns()


def test_a_new_boot_has_the_wall_clock_again(tmp_path, clock):
    SiteTime(tmp_path, clock)
    clock.reboot()
    clock.ahead = -100_000.0
    assert SiteTime(tmp_path, clock).now_ns() == pytest.approx(clock.wall() * 1e9, abs=1e8)


@pytest.mark.parametrize("text", ["", "boot-1", "boot-1 x", "boot-1 1 2", "\0"])
def test_a_damaged_file_is_made_anew(tmp_path, clock, text):
    (tmp_path / "time").write_text(text)
    assert SiteTime(tmp_path, clock).now_ns() == pytest.approx(clock.wall() * 1e9, abs=1e8)
