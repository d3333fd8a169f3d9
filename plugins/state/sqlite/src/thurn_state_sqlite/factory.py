"""The plugin `state.sqlite`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from thurn.plugin import Context, State, plugin
from thurn_kit.notices import NoticeHub

from thurn_state_sqlite.database import Database
from thurn_state_sqlite.notices import SocketNotices
from thurn_state_sqlite.state import SqliteState
from thurn_state_sqlite.sweeper import sweep_always


@plugin("state", "sqlite")
@asynccontextmanager
async def sqlite(context: Context) -> AsyncIterator[State]:
    """The state of all workers whose instance has this directory."""
    path = context.data / "state.db"
    failure: BaseException | None = None
    async with Database(path, context.clock) as database:
        with SocketNotices(context.data / "notices", NoticeHub()) as notices:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(notices.receive_always)
                nursery.start_soon(notices.send_late_always)
                nursery.start_soon(sweep_always, database, path, context.diagnostics)
                try:
                    yield SqliteState(database, notices)
                except BaseException as error:  # noqa: BLE001 - raised again below:
                    failure = error  # a nursery would wrap it in a group
                nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
