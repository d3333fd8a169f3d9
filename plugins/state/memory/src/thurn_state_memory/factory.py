"""The plugin `state.memory`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from thurn.plugin import Context, State, plugin

from thurn_state_memory.state import MemoryState, Rows


@plugin("state", "memory")
@asynccontextmanager
async def memory(context: Context) -> AsyncIterator[State]:
    """An empty state of this process."""
    yield MemoryState(Rows(), context.clock)
