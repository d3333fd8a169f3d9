"""What can be set about the log, and how it reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Sizes and times of a worker's log.

    Attributes:
        segment_octets: size at which a segment is full; its last frame may go beyond it.
        seal_after_seconds: age at which a segment that is not full is sealed, so that it is
            settled.
        round_groups: most groups of one round; bounds how long one round keeps the event loop.
        round_octets: size of a frame above which its round takes no further group.
        slow_sync_seconds: mean time of a sync above which syncs are done in a thread.
        spared_octets: free space on the disk below which nothing is committed; see `GROUP_OCTETS`.
        busy_pause_seconds: pause if every group waits for a resource that another process holds.
    """

    segment_octets: int = 16 << 20
    seal_after_seconds: float = 30.0
    round_groups: int = 512
    round_octets: int = 8 << 20
    slow_sync_seconds: float = 0.001
    spared_octets: int = 256 << 10
    busy_pause_seconds: float = 0.001


class Report(Protocol):
    """Where the log reports what an operator should look at, such as
    `Context.diagnostics.warning`."""

    def __call__(self, event: str, /, **facts: object) -> None:
        """Report an event with its facts."""


def silent(event: str, /, **facts: object) -> None:
    """A `Report` that does nothing."""
