"""The plugin `queue.spool`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from thurn.plugin import Context, Queue, plugin

from thurn_queue_spool.queue import SpoolQueue


@plugin("queue", "spool", owns_records=True)
@asynccontextmanager
async def spool(context: Context) -> AsyncIterator[Queue]:
    """The queue in the instance's directory, which owns the records of the instance's name."""
    queue = SpoolQueue(context)
    try:
        context.commit_log.register(context.name, queue)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(queue.run)
            yield queue
            nursery.cancel_scope.cancel()
    finally:
        queue.close()
