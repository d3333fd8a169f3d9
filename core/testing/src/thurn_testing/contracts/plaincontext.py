"""A context for kits: everything a store, queue or state plugin may ask of its host, in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import trio
from thurn.contracts.account import Directory
from thurn.contracts.commitlog import CommitLog
from thurn.contracts.context import Events, Resolver
from thurn.contracts.state import Table
from thurn.types.content import Content
from thurn.types.envelope import Envelope
from thurn.types.events import Event

P = TypeVar("P")


class PlainNotices:
    """Publish and subscribe within one process."""

    def __init__(self) -> None:
        self._channels: dict[str, set[trio.MemorySendChannel[int]]] = {}

    def publish(self, topic: str, value: int = 0) -> None:
        """Tell everybody; a full channel already has something to read."""
        for channel in self._channels.get(topic, ()):
            try:
                channel.send_nowait(value)
            except (trio.WouldBlock, trio.BrokenResourceError):
                continue

    @asynccontextmanager
    async def subscribe(self, topic: str) -> AsyncIterator[trio.MemoryReceiveChannel[int]]:
        """A channel of values published under this topic."""
        send, receive = trio.open_memory_channel[int](64)
        members = self._channels.setdefault(topic, set())
        members.add(send)
        try:
            async with send, receive:
                yield receive
        finally:
            members.discard(send)
            if not members:
                self._channels.pop(topic, None)


class PlainState:
    """Notices only: stores keep no tables."""

    def __init__(self) -> None:
        self.notices = PlainNotices()

    def table(self, name: str) -> Table:
        """Not here."""
        raise LookupError(f"the kit has no table {name!r}")


class PlainClock:
    """Trio's clock as the monotonic one, and a wall clock that goes with it from a fixed date."""

    boot_id = "kit"

    def __init__(self, wall: float = 1_700_000_000.0) -> None:
        self._offset = wall - trio.current_time()

    def monotonic(self) -> float:
        """Seconds."""
        return trio.current_time()

    def wall(self) -> float:
        """POSIX seconds."""
        return trio.current_time() + self._offset


class PlainJournal:
    """An operator's log that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, object]]] = []

    def debug(self, event: str, /, **facts: object) -> None:
        """Keep."""
        self.lines.append(("debug", event, facts))

    def info(self, event: str, /, **facts: object) -> None:
        """Keep."""
        self.lines.append(("info", event, facts))

    def warning(self, event: str, /, **facts: object) -> None:
        """Keep."""
        self.lines.append(("warning", event, facts))

    def error(self, event: str, /, **facts: object) -> None:
        """Keep."""
        self.lines.append(("error", event, facts))


class PlainEvents:
    """Events that were told."""

    def __init__(self) -> None:
        self.told: list[Event] = []

    def emit(self, event: Event) -> None:
        """Keep."""
        self.told.append(event)


class PlainContext:
    """See `thurn.contracts.context.Context`. What no store needs raises LookupError."""

    def __init__(
        self, name: str, data: Path, log: CommitLog, *, state: PlainState | None = None
    ) -> None:
        self.name = name
        self.hostname = "mx.example"
        self.data = data
        self.log = log
        self.journal = PlainJournal()
        self.state = state or PlainState()
        self.clock = PlainClock()
        self.events: Events = PlainEvents()

    @property
    def resolver(self) -> Resolver:
        """Not here."""
        raise LookupError("the kit has no resolver")

    @property
    def directory(self) -> Directory:
        """Not here."""
        raise LookupError("the kit has no directory")

    def require(self, contract: type[P], role: str, instance: str) -> P:
        """Not here."""
        raise LookupError(f"the kit has no {role}.{instance} ({contract.__name__})")

    def source(self, *key: str) -> str:
        """A place that no file has."""
        return f"kit:{'.'.join(key)}"

    def instances(self, role: str) -> Sequence[tuple[str, Any]]:
        """None."""
        return []

    async def submit(self, envelope: Envelope, content: Content) -> None:
        """Not here."""
        raise LookupError("the kit sends no mail")
