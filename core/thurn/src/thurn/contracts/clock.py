"""Time, from one place, so that tests can move it."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Monotonic time for intervals and wall time for dates; never one instead of the other."""

    def monotonic(self) -> float:
        """Seconds that only grow, also while the machine is suspended; the same for all processes
        of this boot (`boot_id`). trio's own clock stands still meanwhile: never compare the two."""

    def wall(self) -> float:
        """POSIX seconds."""

    @property
    def boot_id(self) -> str:
        """Which boot `monotonic` belongs to; stored beside times that outlive a process."""
