"""Small shared state: tables that all workers see, and notices between them.

For grants, limits, rates, greylists and the history of logins: small values with short lifetimes.
Not for mail.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from trio import MemoryReceiveChannel


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row: its key, its value, and how long it stays (None: until it is deleted)."""

    key: str
    value: bytes
    remaining_seconds: float | None


class Table(Protocol):
    """A map from text keys to small values with lifetimes. Each call is atomic over all workers.

    Lifetimes are counted on the monotonic clock of this boot; after a reboot the rest of a lifetime
    goes on, and it never becomes longer. An expired row is absent. Rows survive restarts if the
    plugin is durable, which its manual says. A key has up to 512 octets and a value up to 65,536;
    larger ones raise ValueError, and so does a lifetime that is not positive. A failure of the
    state itself raises TemporaryFailure.
    """

    async def get(self, key: str) -> bytes | None:
        """The value, or None."""

    async def put(self, key: str, value: bytes, *, lifetime_seconds: float | None = None) -> None:
        """Set value and lifetime."""

    async def add(self, key: str, value: bytes, *, lifetime_seconds: float | None = None) -> bool:
        """Set value and lifetime if the row is absent; False if it exists."""

    async def increment(
        self, key: str, by: int = 1, *, lifetime_seconds: float | None = None
    ) -> int:
        """Add to a counter and return the sum. An absent row counts as 0; only then the lifetime is
        set."""

    async def take(self, key: str) -> bytes | None:
        """Get the value and delete the row, in one step."""

    async def delete(self, key: str) -> bool:
        """Delete the row; False if it was absent."""

    async def entries(
        self, prefix: str = "", *, after: str = "", limit: int = 1000
    ) -> Sequence[TableRow]:
        """The rows whose key starts with `prefix` and sorts after `after`, in key order."""


class Notices(Protocol):
    """Publish and subscribe between all workers of the site. Notices are only hints: they may be
    lost or doubled, so whoever gets one reads again what it is about."""

    def publish(self, topic: str, value: int = 0) -> None:
        """Send to every subscriber, this worker's included; never blocks, never raises."""

    def subscribe(self, topic: str) -> AbstractAsyncContextManager[MemoryReceiveChannel[int]]:
        """A channel of the values published under this topic; a full channel keeps the newest."""


class State(Protocol):
    """The product of a state plugin."""

    def table(self, name: str) -> Table:
        """The table of this name, created at first use."""

    @property
    def notices(self) -> Notices:
        """Notices between workers."""
