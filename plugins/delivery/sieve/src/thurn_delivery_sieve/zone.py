"""Time zones by name, and the machine's own: with their summer times, whatever month it is now."""

from __future__ import annotations

import os
from datetime import UTC, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

ZONES: Final = 256
"""Names that a worker remembers; an account's attribute names one."""
LOCALTIME: Final = Path("/etc/localtime")


@lru_cache(maxsize=ZONES)
def find_zone(name: str) -> tzinfo | None:
    """The time zone of that name, or None for a name that is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def machine_zone() -> tzinfo:
    """The zone of the variable TZ, else of the machine, else UTC."""
    name = os.environ.get("TZ", "").removeprefix(":")
    found = find_zone(name) if name else None
    if found is not None:
        return found
    try:
        with LOCALTIME.open("rb") as file:
            return ZoneInfo.from_file(file, key="localtime")
    except (OSError, ValueError):
        return UTC
