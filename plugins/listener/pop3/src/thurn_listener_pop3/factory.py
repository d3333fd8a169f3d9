"""The plugin `listener.pop3`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import trio
from thurn.plugin import ListenerContext, plugin
from thurn_kit.spool import Spool

from thurn_listener_pop3.listener import Pop3Listener, server_config
from thurn_listener_pop3.lock import MaildropLocks
from thurn_listener_pop3.parts import Pop3Parts
from thurn_listener_pop3.settings import Pop3Settings

LOCK_TABLE: Final = "pop3.lock"
DELAY_TABLE: Final = "pop3.delay"
"""Tables that all POP3 listeners of the site share."""


@plugin("listener", "pop3")
@asynccontextmanager
async def pop3(config: Pop3Settings, context: ListenerContext) -> AsyncIterator[Pop3Listener]:
    """The listener; with `concurrent = "lock"`, a task renews the locks of its sessions."""
    engine, spool = server_config(config, context.hostname), Spool(context.data / "tmp")
    delays = None if config.login_delay is None else context.state.table(DELAY_TABLE)
    if config.concurrent == "snapshot":
        yield Pop3Listener(Pop3Parts(config, engine, context, spool, None, delays))
        return
    locks = MaildropLocks(context.state.table(LOCK_TABLE), context.diagnostics)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(locks.renew_for_ever)
        yield Pop3Listener(Pop3Parts(config, engine, context, spool, locks, delays))
        nursery.cancel_scope.cancel()
