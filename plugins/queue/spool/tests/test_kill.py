"""kill -9 of two workers at any instant: what was confirmed is there, once, until it was done."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import trio
from thurn.log import Settler, open_log, recover
from thurn.plugin import NoSettings
from thurn_queue_spool.factory import spool
from thurn_testing.contracts.loghost import SETTINGS, SystemTime
from thurn_testing.fakes.context import FakeContext, Given

WORKER = Path(__file__).with_name("killed_worker.py")
ROUNDS = int(os.environ.get("THURN_KILL_ROUNDS", "2"))
DONE = (6, 15)
"""How many entries a worker settles, at least and at most, before it is killed."""


def run_and_kill(directory: Path, round_: int, dice: random.Random) -> list[list[str]]:
    workers = [
        subprocess.Popen(
            [sys.executable, str(WORKER), str(directory), f"r{round_}w{number}"],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    lines = [worker.stdout.readline() for worker in workers]  # ready
    for worker in workers:
        lines += read_until_settled(worker, dice.randint(*DONE))
        worker.send_signal(signal.SIGKILL)
    for worker in workers:
        lines += worker.communicate()[0].splitlines(keepends=True)
        assert worker.returncode == -signal.SIGKILL
    return [line.split() for line in lines if line.endswith("\n")]


def read_until_settled(worker, count: int) -> list[str]:
    """What the worker says until it has settled so many entries."""
    lines: list[str] = []
    while count:
        lines.append(worker.stdout.readline())
        assert lines[-1], "the worker has ended"
        count -= lines[-1].startswith("out ")
    return lines


async def check(directory: Path, said: list[list[str]]) -> int:
    """Everything that was confirmed and not tried is there once; gives how many entries."""
    clock = SystemTime()
    words = {what: {name for kind, name in said if kind == what} for what in ("in", "try", "out")}
    async with open_log(directory / "log", clock=clock, settings=SETTINGS) as log:
        context = FakeContext(
            directory / "queue", name="queue.kit", clock=clock, given=Given(commit_log=log)
        )
        async with spool.open(NoSettings(), context) as queue:
            await trio.to_thread.run_sync(
                lambda: recover(directory / "log", log.owners, clock=clock, everything=True)
            )
            await Settler(directory / "log", log.owners, clock=clock).run(once=True)
            entries = await queue.entries(limit=1_000_000)
            found = Counter(one.envelope.recipients[0].address.local for one in entries)
            assert not [name for name, times in found.items() if times > 1], "twice"
            assert not words["out"] & set(found), "what was done is back"
            assert words["in"] - words["try"] <= set(found), "lost"
            for _entry in entries[:20]:
                lease = await queue.next_lease()
                (recipient,) = lease.envelope.recipients
                assert recipient.address.local.encode() in (await lease.content()).read()
    return len(entries)


@pytest.mark.slow
async def test_kill_at_any_instant(tmp_path):
    dice = random.Random(7)
    (tmp_path / "log").mkdir()
    said: list[list[str]] = []
    for round_ in range(ROUNDS):
        said += run_and_kill(tmp_path, round_, dice)
        await check(tmp_path, said)
    assert len([1 for what, _ in said if what == "in"]) > 100
    assert len([1 for what, _ in said if what == "out"]) > 20
