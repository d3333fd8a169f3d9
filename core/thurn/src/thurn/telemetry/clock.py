"""The system's clocks behind the `Clock` contract."""

from __future__ import annotations

import time
from functools import cached_property
from pathlib import Path
from typing import Final

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class SystemClock:
    """`time.monotonic` (one for all processes of a boot on Linux) and `time.time`."""

    monotonic = staticmethod(time.monotonic)
    wall = staticmethod(time.time)

    @cached_property
    def boot_id(self) -> str:
        """The kernel's boot id; a constant where there is none (then every start is the same
        boot to us, and monotonic times of an earlier one are clamped by their lifetimes)."""
        try:
            return _BOOT_ID.read_text().strip()
        except OSError:
            return "unknown"
