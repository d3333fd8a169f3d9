"""Time, from one place, so that tests can move it (design §5.3)."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Monotonic for intervals, wall for dates; never the one for the other."""

    def monotonic(self) -> float:
        """Seconds that only grow, also while the machine is suspended; shared by all processes of
        this boot (`boot_id`). trio's own clock stands still then: never compare the two."""

    def wall(self) -> float:
        """POSIX seconds."""

    @property
    def boot_id(self) -> str:
        """Which boot `monotonic` belongs to; stored beside times that outlive a process."""
