"""The plugin `queue.spool`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from thurn.contracts.queue import Queue
from thurn.plugin import Context, plugin

from thurn_queue_spool.queue import SpoolQueue


@plugin("queue", "spool")
@asynccontextmanager
async def spool(context: Context) -> AsyncIterator[Queue]:
    """The queue in this instance's directory; owner of the records of its name."""
    queue = SpoolQueue(context)
    try:
        context.log.register(context.name, queue)
        yield queue
    finally:
        queue.close()
