"""The system's clocks behind the `Clock` contract."""

from __future__ import annotations

import time
from functools import cached_property, partial
from pathlib import Path
from typing import Final

_SINCE_BOOT: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # Linux has it
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class SystemClock:
    """Seconds since the boot, those while the machine was suspended included (CLOCK_MONOTONIC would
    let grants and bans outlive their interval), the same in all processes; and `time.time`."""

    monotonic = staticmethod(partial(time.clock_gettime, _SINCE_BOOT))
    wall = staticmethod(time.time)

    @cached_property
    def boot_id(self) -> str:
        """The kernel's boot id; a constant where there is none (then every start is the same
        boot to us, and monotonic times of an earlier one are clamped by their lifetimes)."""
        try:
            return _BOOT_ID.read_text().strip()
        except OSError:
            return "unknown"
