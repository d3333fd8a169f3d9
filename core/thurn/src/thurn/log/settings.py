"""What can be set about the log, and how it reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Sizes and times of a worker's log.

    Attributes:
        segment_octets: when a segment is full; the last frame may go beyond it.
        seal_after_seconds: when a segment that is not full is sealed, so that it is settled.
        round_groups: most groups of one round; bounds how long the loop waits for one round.
        round_octets: a round takes no further group above this.
        slow_sync_seconds: mean above which syncs go to a thread.
        spared_octets: free space below which nothing is committed; see `GROUP_OCTETS`.
        busy_pause_seconds: wait when every group waits for a resource that another process has.
    """

    segment_octets: int = 16 << 20
    seal_after_seconds: float = 30.0
    round_groups: int = 512
    round_octets: int = 8 << 20
    slow_sync_seconds: float = 0.001
    spared_octets: int = 256 << 10
    busy_pause_seconds: float = 0.001


class Report(Protocol):
    """Where the log says what an operator should look at: such as `Context.diagnostics.warning`."""

    def __call__(self, event: str, /, **facts: object) -> None:
        """An event and its facts."""


def silent(event: str, /, **facts: object) -> None:
    """A `Report` that says nothing."""
