"""The plugin `guard.quota`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from thurn.plugin import Context, plugin

from thurn_guard_quota.guard import StorageQuota
from thurn_guard_quota.settings import QuotaSettings
from thurn_guard_quota.warning import Warnings


@plugin("guard", "quota")
@asynccontextmanager
async def quota(config: QuotaSettings, context: Context) -> AsyncIterator[StorageQuota]:
    """The guard of one instance, with the task that sends its warnings."""
    warnings = Warnings(context, config.warn_at)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(warnings.run)
        yield StorageQuota(config, context.clock, warnings)
        nursery.cancel_scope.cancel()
