"""A clock that stands still until the test moves it.

Rules: both times move together, except when the test sets the wall clock; a reboot starts the
monotonic time anew under another boot id. It has nothing to do with trio's clock: sleeping tasks
are moved by trio's own `autojump_clock`.
"""

from __future__ import annotations

from typing import Final

WALL_AT_START: Final = 1_750_000_000.0
"""POSIX seconds of 15 June 2025, an ordinary day."""
MONOTONIC_AT_START: Final = 1_000.0
"""Seconds since the boot when a clock is made."""


class ManualClock:
    """A `thurn.contracts.clock.Clock` moved by the test."""

    def __init__(
        self, *, wall: float = WALL_AT_START, monotonic: float = MONOTONIC_AT_START
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._boot = 1

    def monotonic(self) -> float:
        """Seconds since this boot."""
        return self._monotonic

    def wall(self) -> float:
        """POSIX seconds."""
        return self._wall

    @property
    def boot_id(self) -> str:
        """The id of this boot; another one after each `reboot`."""
        return f"boot-{self._boot}"

    def advance(self, seconds: float) -> None:
        """Let time pass. Raises ValueError for a negative number: time only grows."""
        if seconds < 0:
            raise ValueError("time does not go back; set_wall moves the wall clock alone")
        self._monotonic += seconds
        self._wall += seconds

    def set_wall(self, wall: float) -> None:
        """Somebody corrects the wall clock, in either direction."""
        self._wall = wall

    def reboot(self, *, down_seconds: float = 60.0, monotonic: float = 5.0) -> None:
        """The machine was off for a while; monotonic time starts anew."""
        self._wall += down_seconds
        self._monotonic = monotonic
        self._boot += 1
