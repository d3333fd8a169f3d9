"""A worker that stores, moves and expunges until it is killed; says on stdout what was confirmed.

    python killed_worker.py DIRECTORY NAME

Each line: what, account, subject, UID. `stored` after the commit returned; `gone` after an expunge.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import trio
from thurn.log import LogSettings, Settler, open_log, recover
from thurn.plugin import AccountId, Append, FlagChange
from thurn_store_spool.factory import SpoolSettings, spool
from thurn_testing.contracts.loghost import SystemTime
from thurn_testing.contracts.plainstate import PlainState
from thurn_testing.contracts.storesite import WHEN, message
from thurn_testing.fakes.context import FakeContext, Given

SETTINGS = LogSettings(segment_octets=1 << 16, seal_after_seconds=0.1)
ACCOUNTS = 3
TASKS = 4


def say(*words):
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def settle(directory, log):
    settler = Settler(directory / "log", log.owners, clock=SystemTime())
    await settler.run()


async def act(store, name, number):
    dice = random.Random()
    for count in range(1_000_000):
        account = AccountId(f"u{dice.randrange(ACCOUNTS)}")
        handle = await store.open(account, None)
        subject = f"{name}-{number}-{count}"
        content = message(subject, b"x" * dice.randrange(3_000) + b"\r\n")
        stored = await handle.append(Append("INBOX", content, WHEN, key=subject))
        say("stored", account, subject, stored.uid)
        inbox = await handle.mailbox("INBOX")
        await inbox.flag([stored.uid], FlagChange.ADD, ["\\Seen", "$Killed"])
        say("seen", account, subject, stored.uid)
        if count % 5 == 4:
            await inbox.expunge([stored.uid])
            say("gone", account, subject, stored.uid)


async def main(directory: Path, name: str):
    clock = SystemTime()
    async with open_log(directory / "log", clock=clock, settings=SETTINGS) as log:
        given = Given(state=PlainState(), commit_log=log)
        context = FakeContext(directory / "store", name="store.kit", clock=clock, given=given)
        async with spool.open(SpoolSettings(), context) as store, trio.open_nursery() as nursery:
            await trio.to_thread.run_sync(
                lambda: recover(directory / "log", log.owners, clock=clock)
            )
            log.note_recovered()  # as a site does: from now on the other may be killed
            say("ready", "-", "-", 0)
            if name.endswith("w0"):  # a site has one settler
                nursery.start_soon(settle, directory, log)
            for number in range(TASKS):
                nursery.start_soon(act, store, name, number)


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]), sys.argv[2])
