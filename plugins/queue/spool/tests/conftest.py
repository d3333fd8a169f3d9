from __future__ import annotations

import shutil
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from thurn.plugin import Address, Envelope, NoSettings, Recipient, RecipientResult, Record, Status
from thurn.types.status import OK
from thurn_queue_spool.factory import spool
from thurn_testing.contracts.plainlog import PlainFrame, PlainLog
from thurn_testing.contracts.storesite import message
from thurn_testing.fakes.clock import ManualClock
from thurn_testing.fakes.context import FakeContext, Given

LATER = Status(451, "4.4.1", "Nobody answers")


class Bench:
    """A queue on a directory with a plain log that tests may look into; no shared state."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.log = PlainLog()
        self.clock = ManualClock()
        self.diagnostics = None

    @asynccontextmanager
    async def open(self, directory: Path | None = None):
        context = FakeContext(
            directory or self.directory,
            name="queue.kit",
            clock=self.clock,
            given=Given(commit_log=self.log),
        )
        self.diagnostics = context.diagnostics
        async with spool.open(NoSettings(), context) as queue:
            yield queue

    def deposit(self, queue, *names: str, key: str = "", content=None):
        recipients = tuple(Recipient(Address.parse(f"{one}@example.net")) for one in names)
        envelope = Envelope(Address.parse("ann@example.org"), recipients)
        return queue.prepare(envelope, content or message("kit"), key=key)

    async def put(self, queue, *names: str, key: str = "", content=None):
        deposit = self.deposit(queue, *names, key=key, content=content)
        await self.log.commit(deposit.changes)
        await deposit.commit()
        return deposit

    async def done(self, lease) -> None:
        results = [RecipientResult(one, OK) for one in lease.envelope.recipients]
        await lease.finish(results, retry_at=None)

    async def names(self, queue) -> list[str]:
        entries = await queue.entries()
        return sorted(one.address.local for entry in entries for one in entry.envelope.recipients)

    def die_before_commit(self, change) -> None:
        """A round whose worker is killed between the sync and the commit of the file."""
        frame = PlainFrame(self.log)
        assert change.resource.begin()
        change.apply(frame)
        now = next(self.log._times)
        self.log.records += [(owner, Record(payload, now)) for owner, payload in frame.records]
        change.resource.rollback()

    def power_cut(self, name: str) -> Path:
        """The file as it is now; what is committed later is lost."""
        target = self.directory.parent / name
        shutil.copytree(self.directory, target, ignore=shutil.ignore_patterns("*-shm"))
        return target


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path / "queue")


@pytest.fixture
def later():
    return LATER
