"""The log's time: one for all processes of a boot, near the wall clock, and never going backward.

Frames of several workers are replayed in the order of their times. By the wall clock, a step back
would turn two workers' frames round; if the replay is longer than one call takes, an owner would
hear of an account's later numbers first, and take the earlier ones for done. So the time of a
frame is the monotonic clock, which all processes share, and an offset that they share too: the file
`time` has it for one boot. In a new boot the offset is such that nothing in the log is later than
now.

    time = boot-id SP offset-in-nanoseconds

Rules of this file: blocking; without the file, or on a machine without a boot id, the offset is
found anew from what the log holds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from thurn.contracts.clock import Clock
from thurn.log.files import Lock
from thurn.log.frame import scan
from thurn.log.segment import unretired

NAME: Final = "time"
UNKNOWN_BOOT: Final = "unknown"
"""The boot id of a machine that has none: there a power cut is not noticed."""


class SiteTime:
    """The time of the frames of one process; made when it may commit.

    Args:
        directory: the log's.
        clock: tells the times and the boot.

    Raises:
        OSError: the log cannot be read.
    """

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._clock = clock
        offset_ns = _read(directory / NAME, clock)
        if offset_ns is None:
            with Lock.wait(directory / "recovery.lock"):
                offset_ns = _read(directory / NAME, clock)
                if offset_ns is None:
                    offset_ns = _make(directory, clock)
        self._offset_ns = offset_ns

    def now_ns(self) -> int:
        """The time now, in nanoseconds; roughly POSIX."""
        return int(self._clock.monotonic() * 1e9) + self._offset_ns


def _read(path: Path, clock: Clock) -> int | None:
    """The offset of this boot, if the file has it."""
    try:
        boot_id, _, offset_ns = path.read_text().rpartition(" ")
        return int(offset_ns) if boot_id == clock.boot_id != UNKNOWN_BOOT else None
    except (FileNotFoundError, ValueError):
        return None


def _make(directory: Path, clock: Clock) -> int:
    """Find the offset of this boot and keep it. If a power cut takes the file, the boot has gone,
    too."""
    newest_ns = 0
    for segment in unretired(directory):
        frames = scan(segment.path.read_bytes(), segment.generation).frames
        newest_ns = max(newest_ns, *(frame.written_at_ns for frame in frames), 0)
    offset_ns = max(int(clock.wall() * 1e9), newest_ns + 1) - int(clock.monotonic() * 1e9)
    new = directory / f"{NAME}.new"
    new.write_text(f"{clock.boot_id} {offset_ns}")
    new.replace(directory / NAME)
    return offset_ns
