"""Decides whether a sync runs in the event loop or in a thread.

A sync of a tenth of a millisecond takes less time than the way to a thread and back; a slow one in
the loop would stop every connection of the worker (measurements: docs/explanation/commit-log.md).
"""

from __future__ import annotations

from typing import Final

import trio

from thurn.contracts.clock import Clock
from thurn.log.files import Files

_WEIGHT: Final = 1 / 16
"""Weight of one sync in the running mean: a few slow ones in a row decide, a single one does
not."""


class Syncer:
    """Syncs file descriptors in the loop or in a thread, whichever is better for the worker."""

    def __init__(self, files: Files, clock: Clock, slow_seconds: float) -> None:
        self._files = files
        self._clock = clock
        self._slow_seconds = slow_seconds
        self._limiter = trio.CapacityLimiter(1)
        self.mean_seconds = 0.0
        self.threaded = False

    async def sync(self, descriptor: int) -> None:
        """Return when what was written is on the disk.

        Raises:
            OSError: it is not known what of it is on the disk.

        Cancellation: shielded, because a sync cannot be undone; it takes as long as the disk does.
        """
        if self.threaded:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(self._sync, descriptor, limiter=self._limiter)
        else:
            self._sync(descriptor)
        limit = self._slow_seconds / 2 if self.threaded else self._slow_seconds
        self.threaded = self.mean_seconds > limit

    def _sync(self, descriptor: int) -> None:
        start = self._clock.monotonic()
        self._files.sync(descriptor)
        self.mean_seconds += (self._clock.monotonic() - start - self.mean_seconds) * _WEIGHT
