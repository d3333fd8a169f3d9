"""Small shared state: tables that all workers see, and notices between them.

For grants, limits, rates, greylists, login history: small values, short lives. Not for mail.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from trio import MemoryReceiveChannel


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row: key, value, and how long it will still live (None: until deleted)."""

    key: str
    value: bytes
    remaining_seconds: float | None


class Table(Protocol):
    """A map from text keys to small values with lifetimes; atomic per call across workers.

    Lifetimes are counted on the monotonic clock of this boot; after a reboot what is left of them
    is counted on, never more. Expired rows are absent. Survives restarts where the plugin is
    durable (it says so). Keys up to 512, values up to 65,536 octets; ValueError beyond, and for a
    lifetime that is not positive. Trouble of the state's own is TemporaryFailure.
    """

    async def get(self, key: str) -> bytes | None:
        """The value, or None."""

    async def put(self, key: str, value: bytes, *, lifetime_seconds: float | None = None) -> None:
        """Set value and lifetime."""

    async def add(self, key: str, value: bytes, *, lifetime_seconds: float | None = None) -> bool:
        """Set only if absent; False when it was there."""

    async def increment(
        self, key: str, by: int = 1, *, lifetime_seconds: float | None = None
    ) -> int:
        """Add to a counter (absent = 0) and return the sum; the lifetime is set at the first."""

    async def take(self, key: str) -> bytes | None:
        """Get and delete in one step."""

    async def delete(self, key: str) -> bool:
        """Delete; False when it was absent."""

    async def entries(
        self, prefix: str = "", *, after: str = "", limit: int = 1000
    ) -> Sequence[TableRow]:
        """Rows in key order whose key starts with `prefix` and sorts after `after`."""


class Notices(Protocol):
    """Publish and subscribe between all workers of the site. Hints only: they may be lost or
    doubled; whoever gets one reads the truth again."""

    def publish(self, topic: str, value: int = 0) -> None:
        """Tell everybody, this worker included; never blocks, never raises."""

    def subscribe(self, topic: str) -> AbstractAsyncContextManager[MemoryReceiveChannel[int]]:
        """A channel of values published under this topic; it holds the newest when full."""


class State(Protocol):
    """The product of a state plugin."""

    def table(self, name: str) -> Table:
        """The table of this name, made at first use."""

    @property
    def notices(self) -> Notices:
        """Notices between workers."""
