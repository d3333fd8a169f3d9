"""A wall clock that steps back while two workers store messages, and then a power cut."""

from __future__ import annotations

import shutil
from contextlib import asynccontextmanager

from thurn.log import LogSettings, open_log, recover
from thurn_store_spool.factory import SpoolSettings, spool
from thurn_testing.contracts.plainstate import PlainState
from thurn_testing.contracts.storesite import ALICE, append, subjects
from thurn_testing.fakes.context import FakeContext, Given


class SteppingClock:
    boot_id = "boot-1"
    ahead = 5_000.0
    now = 1_000.0

    def monotonic(self):
        self.now += 0.001
        return self.now

    def wall(self):
        return 1_700_000_000 + self.now + self.ahead


async def test_nothing_is_taken_for_expunged_when_the_clock_steps_back(tmp_path, monkeypatch):
    """A replay takes more than one call, so that later numbers could come before earlier ones."""
    monkeypatch.setattr("thurn.log.recovery.REPLAY_OCTETS", 4_000)
    clock, state = SteppingClock(), PlainState()

    @asynccontextmanager
    async def worker():
        settings = LogSettings(segment_octets=1 << 16)
        async with open_log(tmp_path / "log", clock=clock, settings=settings) as log:
            given = Given(state=state, commit_log=log)
            context = FakeContext(tmp_path / "store", name="store.kit", clock=clock, given=given)
            async with spool.open(SpoolSettings(), context) as store:
                yield log, store
            log.failed.set()  # killed

    names = []
    async with worker() as (_, one), worker() as (_, two):
        for store in (one, two, one):
            account = await store.open(ALICE, None)
            for _ in range(12):
                names.append(f"m{len(names)}")
                await account.append(append(names[-1]))
            clock.ahead -= 2_500.0
    shutil.rmtree(tmp_path / "store" / "accounts")
    clock.boot_id, clock.now = "boot-2", 3.0
    async with worker() as (log, store):
        recover(tmp_path / "log", log.owners, clock=clock)
        log.note_recovered()
        inbox = await (await store.open(ALICE, None)).mailbox("INBOX")
        assert await subjects(inbox) == names
        assert list((await inbox.view()).uids) == list(range(1, len(names) + 1))
