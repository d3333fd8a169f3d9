"""Notices within one process: each subscriber has a channel that holds the newest value.

Every state plugin needs this part of `thurn.contracts.state.Notices`, beside its own way to carry
notices between processes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio


class NoticeHub:
    """The subscribers of each topic; a complete `Notices` for one process."""

    def __init__(self) -> None:
        self._subscribers: dict[str, set[_Subscriber]] = {}

    def publish(self, topic: str, value: int = 0) -> None:
        """Send the value to all subscribers of the topic; never blocks."""
        for subscriber in self._subscribers.get(topic, ()):
            subscriber.send(value)

    @asynccontextmanager
    async def subscribe(self, topic: str) -> AsyncIterator[trio.MemoryReceiveChannel[int]]:
        """A channel with the newest value that was published under the topic."""
        subscriber = _Subscriber()
        members = self._subscribers.setdefault(topic, set())
        members.add(subscriber)
        try:
            yield subscriber.channel
        finally:
            members.discard(subscriber)
            if not members:
                self._subscribers.pop(topic, None)
            subscriber.close()


class _Subscriber:
    """A channel with room for one value, the newest."""

    def __init__(self) -> None:
        self._send, self.channel = trio.open_memory_channel[int](1)
        self._spare = self.channel.clone()  # takes an unread value out

    def send(self, value: int) -> None:
        try:
            self._send.send_nowait(value)
        except trio.WouldBlock:
            self._spare.receive_nowait()
            self._send.send_nowait(value)

    def close(self) -> None:
        self._send.close()
        self._spare.close()
        self.channel.close()
