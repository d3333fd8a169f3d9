"""The log's time: the same for all processes of a boot, near the wall clock, never going backward.

Frames of several workers are replayed in the order of their times. If the times came from the wall
clock, a step back could reverse the frames of two workers. If the replay then needs more than one
call, an owner would get an account's later numbers first and believe that the earlier ones are
done. So the time of a frame is the monotonic clock, which all processes share, plus an offset that
they share too: the file `time` has it for one boot. The offset of a new boot is chosen so that
every frame in the log is earlier than now.

    time = boot-id SP offset-in-nanoseconds

Rules of this file: blocking; without the file, or on a machine without a boot id, the offset is
computed from the frames in the log.
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
"""The boot id where the machine does not give one; a power cut is not noticed there."""


class SiteTime:
    """Gives the times of one process's frames; made when the process may commit.

    Args:
        directory: the log's directory.
        clock: gives the monotonic and the wall time, and the boot's id.

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
        """The log's time now, in nanoseconds; roughly POSIX time."""
        return int(self._clock.monotonic() * 1e9) + self._offset_ns


def _read(path: Path, clock: Clock) -> int | None:
    """The offset of this boot, if the file has it."""
    try:
        boot_id, _, offset_ns = path.read_text().rpartition(" ")
        return int(offset_ns) if boot_id == clock.boot_id != UNKNOWN_BOOT else None
    except (FileNotFoundError, ValueError):
        return None


def _make(directory: Path, clock: Clock) -> int:
    """Compute the offset of this boot and write it down. It is not synced: a power cut that loses
    the file also ends the boot."""
    newest_ns = 0
    for segment in unretired(directory):
        frames = scan(segment.path.read_bytes(), segment.generation).frames
        newest_ns = max(newest_ns, *(frame.written_at_ns for frame in frames), 0)
    offset_ns = max(int(clock.wall() * 1e9), newest_ns + 1) - int(clock.monotonic() * 1e9)
    new = directory / f"{NAME}.new"
    new.write_text(f"{clock.boot_id} {offset_ns}")
    new.replace(directory / NAME)
    return offset_ns
