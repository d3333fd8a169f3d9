"""How long a peer may take to send one content: a stretch of time, and more for each octet.

Without it, a peer that sends an octet now and then holds a connection, memory and disk for a day.

Rules of this file: pure; the caller says what time it is. The wait for the next block is never
shorter than `BLOCK_SECONDS` as long as any time is left, so that a content may take that much more.

RFC 5321 §4.5.3.2.
"""

from __future__ import annotations

from typing import Final

from pydantic import Field
from thurn.plugin import Duration, ListenerSettings, Size

BLOCK_SECONDS: Final = 180.0
"""Least seconds that are waited for the next block. RFC 5321 §4.5.3.2.5."""
LOGIN_FACTOR: Final = 4
"""How many times as long a peer may take once it is logged in: a person on a train."""


class PacedSettings(ListenerSettings):
    """The settings of a listener that takes contents."""

    content_time: Duration = Field(
        default=600.0,
        ge=BLOCK_SECONDS,
        description="How long a peer may take to send a message, besides what its size gives; four "
        "times as long after login.",
    )
    content_rate: Size = Field(
        default=2048,
        ge=1,
        description="Octets of a message that give its peer a second more; a quarter of them after "
        "login.",
    )


class Pace:
    """The time of one content, from now on.

    Args:
        settings: of the listener.
        now: the monotonic time, in seconds.
        is_logged_in: the peer is.
    """

    __slots__ = ("_begun_at", "_rate", "_received_octets", "_seconds")

    def __init__(self, settings: PacedSettings, now: float, *, is_logged_in: bool) -> None:
        factor = LOGIN_FACTOR if is_logged_in else 1
        self._begun_at = now
        self._seconds = settings.content_time * factor
        self._rate = settings.content_rate / factor
        self._received_octets = 0

    def receive(self, size_octets: int) -> None:
        """So many octets have come."""
        self._received_octets += size_octets

    def wait_seconds(self, now: float, idle_seconds: float) -> float:
        """How long to wait for the next block; 0.0 once the time is over.

        Args:
            now: the monotonic time, in seconds.
            idle_seconds: the longest silence of the connection.
        """
        end = self._begun_at + self._seconds + self._received_octets / self._rate
        if now >= end:
            return 0.0
        return min(idle_seconds, max(end - now, BLOCK_SECONDS))


__all__ = ["BLOCK_SECONDS", "LOGIN_FACTOR", "Pace", "PacedSettings"]
