"""The plugin: opens the store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from pydantic import Field
from thurn.plugin import Context, MailStore, plugin
from thurn_kit.mailboxes import StoreSettings

from thurn_store_spool.store import SpoolStore


class SpoolSettings(StoreSettings):
    """What a site can set."""

    accounts_open: int = Field(
        default=256,
        ge=4,
        le=65_536,
        description="Accounts whose index a worker keeps open; three file descriptors each.",
    )

    @property
    def needs_state(self) -> bool:
        """Whether the store needs shared state: by it, processes tell each other of changes."""
        return True


@plugin("store", "spool", owns_records=True)
@asynccontextmanager
async def spool(config: SpoolSettings, context: Context) -> AsyncIterator[MailStore]:
    """The store on this instance's directory; it owns the records of its name."""
    store = SpoolStore(context, config.separator, config.accounts_open, config.mailboxes)
    context.commit_log.register(context.name, store)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.run)
            yield store
            nursery.cancel_scope.cancel()
    finally:
        await store.close()
