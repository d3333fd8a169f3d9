"""When to sync in the loop and when in a thread.

A sync of a tenth of a millisecond costs less than the way to a thread and back; a slow one would
hold up every connection of the worker (measured: docs/explanation/commit-log.md).
"""

from __future__ import annotations

from typing import Final

import trio

from thurn.contracts.clock import Clock
from thurn.log.files import Files

_WEIGHT: Final = 1 / 16
"""How much one sync counts in the running mean: a few in a row decide, one alone does not."""


class Syncer:
    """Syncs a descriptor, where it is cheaper for the worker as a whole."""

    def __init__(self, files: Files, clock: Clock, slow_seconds: float) -> None:
        self._files = files
        self._clock = clock
        self._slow_seconds = slow_seconds
        self._limiter = trio.CapacityLimiter(1)
        self.mean_seconds = 0.0
        self.threaded = False

    async def sync(self, descriptor: int) -> None:
        """On the disk when it returns. Raises OSError: then nothing is known of what was written.

        Cancellation: shielded, for a sync cannot be taken back; the deadline is the disk's.
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
