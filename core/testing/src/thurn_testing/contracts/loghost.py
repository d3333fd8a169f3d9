"""Hosts for the store kit with the real commit log: its rounds, replay and settling are run too.

await check_store(make, hosts=log_hosts(), directory=tmp_path)
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio
from thurn.contracts.context import Context
from thurn.log import LogSettings, Settler, WorkerLog, open_log, recover
from thurn.log.recovery import scan_segment
from thurn.log.segment import segments, slots
from thurn.log.settings import silent

from thurn_testing.contracts.expectation import in_time
from thurn_testing.contracts.plainstate import PlainState
from thurn_testing.contracts.storesite import HostsOf, StoreHost
from thurn_testing.fakes.context import FakeContext, Given

SETTINGS = LogSettings(segment_octets=1 << 16, seal_after_seconds=0.01)
"""Settings of a log whose segments are small and soon sealed, so that a kit sees many of them."""

PATIENCE_SECONDS = 30
"""Longest time in seconds for sealing and settling."""


class SystemTime:
    """The system's times under the name of one boot."""

    boot_id = "kit"

    def monotonic(self) -> float:
        """Seconds since the boot."""
        return time.monotonic()

    def wall(self) -> float:
        """POSIX seconds."""
        return time.time()


class LogHost:
    """A host with a worker's log in a directory."""

    def __init__(self, directory: Path, log: WorkerLog, state: PlainState) -> None:
        self._log = log
        self._directory = directory / "log"
        self._clock = SystemTime()
        given = Given(state=state, commit_log=log)
        self.context: Context = FakeContext(
            directory / "store", name="store.kit", clock=self._clock, given=given
        )

    async def recover(self) -> None:
        """Replay everything that was not retired: it must change nothing."""
        await trio.to_thread.run_sync(self._recover)

    def _recover(self) -> None:
        recover(self._directory, self._log.owners, clock=self._clock, everything=True)

    async def retire(self) -> None:
        """Wait until the log has sealed what it wrote, and settle it."""
        settler = Settler(self._directory, self._log.owners, clock=self._clock)
        with in_time("the records of a segment can be settled", PATIENCE_SECONDS):
            while True:
                await settler.run(once=True)
                if not self._unsettled():
                    return
                await trio.sleep(SETTINGS.seal_after_seconds)

    def _unsettled(self) -> bool:
        """Whether an open segment has records.

        Read as recovery reads it: a recycled file still holds octets of its former use.
        """
        return any(
            scan_segment(found, silent).frames
            for slot in slots(self._directory)
            for found in segments(self._directory, slot, "seg")
        )


def log_hosts() -> HostsOf:
    """Hosts on the real log; several on one directory are several workers."""
    states: dict[Path, PlainState] = {}

    @asynccontextmanager
    async def host(directory: Path) -> AsyncIterator[StoreHost]:
        state = states.setdefault(directory, PlainState())
        place = directory / "log"
        place.mkdir(mode=0o700, exist_ok=True)
        async with open_log(place, clock=SystemTime(), settings=SETTINGS) as log:
            yield LogHost(directory, log, state)

    return host
