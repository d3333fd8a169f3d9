"""Shared state for kits of stores: notices within one process, no tables."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from thurn.contracts.state import Notices, Table


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
        self.notices: Notices = PlainNotices()

    def table(self, name: str) -> Table:
        """Not here."""
        raise LookupError(f"the kit has no table {name!r}")
