"""The worker's current segment and the one prepared to follow it.

The next segment is made in a thread while the current one fills, so the change needs only a rename.
If the disk is too slow for that, the current segment grows beyond its size instead of making
callers wait.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import trio

from thurn.contracts.clock import Clock
from thurn.log.files import Files
from thurn.log.segment import Segment, newest_generation, prepare, retire, seal
from thurn.log.settings import LogSettings, Report

STRETCH: Final = 2
"""How many times its set size a segment may have while the next one is not ready."""
RETRY_SECONDS: Final = 1.0
"""Seconds before the next attempt after a segment could not be made."""


class Spares:
    """Prepares segments and says which one to write to."""

    def __init__(
        self, files: Files, path: Path, clock: Clock, settings: LogSettings, report: Report
    ) -> None:
        self._files, self._path, self._clock = files, path, clock
        self._settings, self._report = settings, report
        self._generation = 0
        self._next: Segment | None = None
        self._error: OSError | None = None
        self._wanted = trio.Event()
        self._changed = trio.Event()
        self.current: Segment | None = None

    async def run(self) -> None:
        """Keep the next segment prepared; after an error try again a little later."""
        self._generation = newest_generation(self._path)
        while True:
            if self._next is not None:
                await self._wanted.wait()
            self._wanted = trio.Event()
            self._generation = max(self._generation + 1, int(self._clock.wall() * 1e9))
            try:
                self._next = await trio.to_thread.run_sync(
                    prepare,
                    self._files,
                    self._path,
                    self._generation,
                    self._settings.segment_octets,
                )
                self._error = None
            except OSError as error:
                self._error = error
                self._report("log.segment_failed", path=str(self._path), detail=str(error))
            self._wake_waiting()
            if self._error is not None:
                await trio.sleep(RETRY_SECONDS)

    def _wake_waiting(self) -> None:
        changed, self._changed = self._changed, trio.Event()
        changed.set()

    async def room(self) -> Segment:
        """A segment that is not full.

        Raises:
            OSError: no segment can be made now; a later call tries again.
        """
        size_octets = self._settings.segment_octets
        while True:
            current = self.current
            if current is not None and current.position < size_octets:
                return current
            if self._next is not None:
                return self._change_to(self._next)
            if current is not None and current.position < size_octets * STRETCH:
                return current
            if self._error is not None:
                raise self._error
            await self._changed.wait()

    def is_old(self) -> bool:
        """Whether the current segment has waited long enough to be settled."""
        current = self.current
        return (
            current is not None
            and current.used_since is not None
            and self._clock.monotonic() - current.used_since >= self._settings.seal_after_seconds
        )

    def seal_old(self) -> None:
        """Seal the current segment if it is old."""
        if self.is_old() and self.current is not None:
            seal(self._files, self.current.path)
            self.current = None

    def _change_to(self, next_segment: Segment) -> Segment:
        """Seal the current segment and go on with the next. Raises OSError."""
        if self.current is not None:
            seal(self._files, self.current.path)
        self.current, self._next = next_segment, None
        self._wanted.set()
        return next_segment

    def close(self) -> None:
        """Seal the segments that have records; free the others."""
        for segment in (self.current, self._next):
            if segment is not None and segment.used_since is not None:
                seal(self._files, segment.path)
            elif segment is not None:
                retire(self._files, segment.path)
        self.current = self._next = None
