"""The system's clocks behind the `Clock` contract."""

from __future__ import annotations

import time
from functools import cached_property, partial
from pathlib import Path
from typing import Final

_SINCE_BOOT: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # Linux has it
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class SystemClock:
    """The `Clock` of this machine.

    `monotonic` counts seconds since the boot, the same in all processes, and also while the machine
    is suspended: CLOCK_MONOTONIC stands still then, and grants and bans would last too long.
    """

    monotonic = staticmethod(partial(time.clock_gettime, _SINCE_BOOT))
    wall = staticmethod(time.time)

    @cached_property
    def boot_id(self) -> str:
        """The kernel's boot id, or "unknown" if it has none. Then a reboot is not noticed, and a
        stored lifetime may end late, but never later than a whole lifetime from now."""
        try:
            return _BOOT_ID.read_text().strip()
        except OSError:
            return "unknown"
