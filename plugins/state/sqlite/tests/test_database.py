"""The file: other writers, other processes, damage, reboots without a clock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import apsw
import pytest
import trio
from thurn.plugin import ConfigError, NoSettings, TemporaryFailure
from thurn.telemetry.clock import SystemClock
from thurn_state_sqlite import sweeper
from thurn_state_sqlite.factory import sqlite
from thurn_testing.fakes.clock import ManualClock
from thurn_testing.fakes.context import FakeContext


def other(directory):
    return apsw.Connection(str(directory / "state" / "state.db"))


async def test_a_busy_file_keeps_only_its_caller_waiting(tmp_path, worker):
    async with worker() as state:
        table = state.table("t")
        await table.put("k", b"1")
        connection = other(tmp_path)
        connection.execute("BEGIN IMMEDIATE")
        done = trio.Event()

        async def put():
            await table.put("k", b"2")
            done.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(put)
            for _ in range(20):
                await trio.sleep(0.001)
                assert await table.get("k") == b"1"
            assert not done.is_set()
            connection.execute("COMMIT")
            with trio.fail_after(100):
                await done.wait()
        assert await table.get("k") == b"2"
        connection.close()


async def test_a_file_that_stays_busy_is_temporary(tmp_path, worker, autojump_clock):
    async with worker() as state:
        connection = other(tmp_path)
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(TemporaryFailure, match="busy"):
            await state.table("t").increment("n")
        connection.close()
        assert await state.table("t").increment("n") == 1


async def test_a_cancelled_call_did_nothing(tmp_path, worker):
    async with worker() as state:
        connection = other(tmp_path)
        connection.execute("BEGIN IMMEDIATE")
        with trio.move_on_after(0.02):
            await state.table("t").put("k", b"")
        with trio.CancelScope() as scope:
            scope.cancel()
            await state.table("t").get("k")
        assert scope.cancelled_caught
        connection.close()
        assert await state.table("t").get("k") is None


COUNT = """
import sys, trio
from pathlib import Path
from thurn.contracts.settings import NoSettings
from thurn.telemetry.clock import SystemClock
from thurn_state_sqlite.factory import sqlite
from thurn_testing.fakes.context import FakeContext

async def main():
    context = FakeContext(Path(sys.argv[1]), clock=SystemClock())
    async with sqlite.open(NoSettings(), context) as state:
        table = state.table("t")
        for _ in range(200):
            print(await table.increment("n", lifetime_seconds=60), flush=True)
        if sys.argv[2] == "stay":
            await trio.sleep_forever()

trio.run(main)
"""


@pytest.mark.slow
def test_counters_of_several_processes(tmp_path):
    command = [sys.executable, "-c", COUNT, str(tmp_path), "go"]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    printed = [worker.communicate(timeout=60)[0].split() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    assert sorted(int(n) for lines in printed for n in lines) == list(range(1, 601))
    assert list((tmp_path / "notices").iterdir()) == []


@pytest.mark.slow
async def test_a_killed_process_loses_nothing(tmp_path, worker):
    command = [sys.executable, "-c", COUNT, str(tmp_path / "state"), "stay"]
    killed = subprocess.Popen(  # noqa: ASYNC220 - starts at once
        command, stdout=subprocess.PIPE, text=True
    )
    for _ in range(200):
        last = int(killed.stdout.readline())
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    killed.stdout.close()
    (left,) = (tmp_path / "state" / "notices").iterdir()
    async with worker(clock=SystemClock()) as state:
        assert await state.table("t").increment("n") == last + 1
        (own,) = (tmp_path / "state" / "notices").iterdir()
        assert own.name != left.name


@pytest.mark.parametrize("octets", [b"junk" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
async def test_a_damaged_file(tmp_path, worker, octets):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "state.db").write_bytes(octets)
    with pytest.raises(ConfigError, match=r"state\.db is damaged"):
        async with worker():
            pass


async def test_a_newer_version(tmp_path, worker):
    async with worker():
        pass
    connection = other(tmp_path)
    connection.pragma("user_version", 99)
    connection.close()
    with pytest.raises(ConfigError, match="newer version"):
        async with worker():
            pass


async def test_errors_of_the_block_are_not_wrapped(worker):
    with pytest.raises(ConfigError) as caught:
        async with worker():
            raise ConfigError(["x"])
    assert caught.value.findings == ["x"]
    with trio.move_on_after(0.01) as scope:
        async with worker():
            await trio.sleep_forever()
    assert scope.cancelled_caught


async def test_a_closed_state_is_a_temporary_failure(worker):
    async with worker() as state:
        table = state.table("t")
    with pytest.raises(TemporaryFailure):
        await table.get("k")


async def test_ended_rows_are_removed_in_batches(tmp_path, worker, clock):
    async with worker() as state:
        table = state.table("t")
        for number in range(2 * sweeper.BATCH_ROWS + 1):
            await table.put(f"{number}", b"", lifetime_seconds=1)
        await table.put("later", b"", lifetime_seconds=2)
        await table.put("for ever", b"")
        clock.advance(1)
        assert await sweeper.sweep(state.database) == 2 * sweeper.BATCH_ROWS + 1
        assert len(await table.entries()) == 2
        connection = other(tmp_path)
        assert connection.execute("SELECT count(*) FROM entry").fetchall() == [(2,)]
        connection.close()


async def test_the_sweeper_goes_on(tmp_path, worker, clock, autojump_clock):
    async with worker() as state:
        await state.table("t").put("k", b"", lifetime_seconds=1)
        clock.advance(1)
        connection = other(tmp_path)
        connection.execute("BEGIN IMMEDIATE")
        await trio.sleep(2 * sweeper.SWEEP_SECONDS)
        connection.execute("ROLLBACK")
        await trio.sleep(2 * sweeper.SWEEP_SECONDS)
        assert connection.execute("SELECT count(*) FROM entry").fetchall() == [(0,)]
        connection.close()


async def test_a_lifetime_is_never_longer_than_was_last_seen(worker, clock):
    async with worker() as state:
        await state.table("t").put("k", b"1", lifetime_seconds=600)
        clock.advance(500)
        await sweeper.sweep(state.database)
    clock.reboot()
    clock.set_wall(0)  # the machine's clock has no battery
    async with worker() as state:
        (entry,) = await state.table("t").entries()
        assert entry.remaining_seconds == pytest.approx(100)


async def test_boots_that_cannot_be_told_apart(tmp_path):
    class NoBootId(ManualClock):
        boot_id = "unknown"

    clock = NoBootId(monotonic=1_000_000)
    for expected in (None, b"1"):
        context = FakeContext(tmp_path, clock=clock)
        async with sqlite.open(NoSettings(), context) as state:
            assert await state.table("t").get("k") == expected
            await state.table("t").put("k", b"1", lifetime_seconds=600)
        clock.reboot()
    clock.advance(600)
    async with sqlite.open(NoSettings(), FakeContext(tmp_path, clock=clock)) as state:
        assert await state.table("t").get("k") is None
