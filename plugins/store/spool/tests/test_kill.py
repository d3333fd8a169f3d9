"""kill -9 of two workers at any instant: what was confirmed is there, once, under its UID."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from thurn.plugin import AccountId
from thurn_store_spool.factory import SpoolSettings, spool
from thurn_testing.contracts.loghost import log_hosts

WORKER = Path(__file__).with_name("killed_worker.py")
ROUNDS = int(os.environ.get("THURN_KILL_ROUNDS", "2"))
LINES = (60, 160)
"""How many lines a worker says, at least and at most, before it is killed."""


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
    # A worker is killed while the other goes on, then the other.
    for worker in workers:
        lines += [worker.stdout.readline() for _ in range(dice.randint(*LINES))]
        worker.send_signal(signal.SIGKILL)
    for worker in workers:
        lines += worker.communicate()[0].splitlines(keepends=True)
        assert worker.returncode == -signal.SIGKILL
    return [line.split() for line in lines if line.endswith("\n") and " - " not in line]


async def check(directory: Path, confirmed: list[list[str]]) -> int:
    """Everything that was confirmed is there; gives the number of messages."""
    count = 0
    config = SpoolSettings()
    async with log_hosts()(directory) as host, spool.open(config, host.context) as store:
        await host.recover()
        for _place in ("log", "file"):
            count = 0
            for account in {words[1] for words in confirmed}:
                inbox = await (await store.open(AccountId(account), None)).mailbox("INBOX")
                view = await inbox.view()
                assert list(view.uids) == sorted(set(view.uids))
                found = {}
                for uid, mask in zip(view.uids, view.flags, strict=True):
                    octets = (await inbox.body(uid)).read()
                    subject = octets.split(b"Subject: ")[1].split(b"\r\n")[0].decode()
                    assert subject not in found, "twice"
                    found[subject] = (uid, mask)
                check_account(account, found, confirmed)
                count += len(found)
            await host.retire()
    return count


def check_account(account, found, confirmed):
    mine = [words for words in confirmed if words[1] == account]
    gone = {subject for what, _, subject, _ in mine if what == "gone"}
    for what, _, subject, uid in mine:
        if what == "stored" and subject not in gone and subject in found:
            assert found[subject][0] == int(uid), "another UID"
        if what == "stored" and subject not in gone and not subject.endswith(("4", "9")):
            assert subject in found, f"{subject} is lost"
        if what == "seen" and subject in found:
            assert found[subject][1] & 1, f"{subject} has lost its flag"
    assert not gone & set(found), "an expunged message is back"
    given = [uid for what, _, _, uid in mine if what == "stored"]
    assert len(given) == len(set(given)), "a UID was given twice"


@pytest.mark.slow
async def test_kill_at_any_instant(tmp_path):
    dice = random.Random(11)
    (tmp_path / "log").mkdir()
    confirmed: list[list[str]] = []
    for round_ in range(ROUNDS):
        confirmed += run_and_kill(tmp_path, round_, dice)
        assert await check(tmp_path, confirmed) > 0
    assert len(confirmed) > 100
