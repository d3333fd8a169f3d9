"""The log on a real system: killed processes, a full disk, segments recycled under a reader."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from random import Random

import pytest
import trio
from thurn.log import LogSettings, Reader, Settler, open_log, recover
from thurn.telemetry.clock import SystemClock
from thurn.types.content import Blob
from thurn.types.errors import StorageFull


@pytest.mark.slow
def test_killed_under_load_nothing_acknowledged_is_lost(tmp_path):
    random = Random(7)
    acknowledged = set()
    for round_number in range(5):
        process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("writer.py"), tmp_path, str(round_number)],
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        with process.stdout:
            lines = [process.stdout.readline() for _ in range(random.randint(200, 3000))]
            process.kill()
            lines += process.stdout.read().splitlines(keepends=True)
        process.wait()
        acknowledged.update(tuple(x.decode().split()) for x in lines if x.endswith(b"\n"))
    sys.path.insert(0, str(Path(__file__).parent))
    try:
        import writer  # noqa: PLC0415
    finally:
        sys.path.pop(0)
    reports = []
    recover(
        tmp_path / "log",
        {"store": writer.Owner(tmp_path)},
        clock=SystemClock(),
        report=lambda event, **facts: reports.append(facts),
    )
    assert reports == []
    indexes = {f"a{n}": (tmp_path / f"a{n}").read_text().split() for n in range(4)}
    assert len(acknowledged) > 1000
    for name, number, value in acknowledged:
        assert indexes[name][int(number) - 1] == value
    for index in indexes.values():
        assert len(index) == len(set(index))
    assert sorted(indexes["a3"]) == sorted(indexes["a0"] + indexes["a1"] + indexes["a2"])


@pytest.mark.slow
def test_a_full_disk_and_room_again(kit, tmp_path):
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", tmp_path],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("cannot mount a small file system here")
    try:
        trio.run(fill_up, kit, tmp_path)
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)


async def fill_up(kit, directory):
    settings = LogSettings(segment_octets=1 << 17)
    ballast = directory / "ballast"
    ballast.write_bytes(bytes(300_000))
    async with open_log(directory / "log", clock=SystemClock(), settings=settings) as log:
        store = kit.Store(log.read)
        log.register("store", store)

        async def fill():
            for n in range(500):
                await log.commit([kit.Add(store.account("a"), str(n), Blob(os.urandom(5000)))])

        with pytest.raises(StorageFull):
            await fill()
        count = len(store.account("a").rows)
        assert log.read(store.account("a").rows[0][1]) is not None
        ballast.unlink()
        with trio.fail_after(100):
            while True:
                try:
                    await log.commit([kit.Add(store.account("a"), "x", Blob(os.urandom(5000)))])
                    break
                except StorageFull:  # a segment is tried for once a second
                    await trio.sleep(0.1)
        assert len(store.account("a").rows) == count + 1
        assert not log.failed.is_set()


@pytest.mark.slow
async def test_a_reader_never_gets_other_octets(kit, tmp_path):
    """Blobs of equal length at equal offsets, segments settled and recycled all the time."""
    wrong, answers, end = [], {True: 0, False: 0}, threading.Event()
    clock = SystemClock()
    async with open_log(tmp_path, clock=clock, settings=LogSettings(segment_octets=8192)) as log:
        store = kit.Store(log.read)
        log.register("store", store)
        rows = store.account("a").rows

        def read():
            reader = Reader(tmp_path)
            while not end.is_set():
                for value, reference in list(rows)[-60:]:
                    octets = reader.read(reference)
                    answers[octets is None] += 1
                    if octets not in (None, value.encode() * 100):
                        wrong.append(value)

        threads = [threading.Thread(target=read) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            for n in range(300):
                value = f"{n:06}"
                await log.commit([kit.Add(store.account("a"), value, Blob(value.encode() * 100))])
                if n % 20 == 0:
                    await Settler(tmp_path, log.owners, clock=clock).run(once=True)
        finally:
            end.set()
            for thread in threads:
                thread.join()
    assert wrong == []
    assert answers[True] > 0
    assert answers[False] > 0
