"""Time zones by name, and the machine's own, with their summer times."""

from __future__ import annotations

import os
from datetime import UTC, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

REMEMBERED_ZONES: Final = 256
"""Time zones that a worker remembers by name; accounts name theirs in an attribute."""
LOCALTIME: Final = Path("/etc/localtime")
"""The file with the machine's time zone."""


@lru_cache(maxsize=REMEMBERED_ZONES)
def find_zone(name: str) -> tzinfo | None:
    """The time zone of that name, or None if there is no such zone."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def machine_zone() -> tzinfo:
    """The zone that the variable TZ names, else the machine's, else UTC."""
    name = os.environ.get("TZ", "").removeprefix(":")
    zone = find_zone(name) if name else None
    if zone is not None:
        return zone
    try:
        with LOCALTIME.open("rb") as file:
            return ZoneInfo.from_file(file, key="localtime")
    except (OSError, ValueError):
        return UTC
