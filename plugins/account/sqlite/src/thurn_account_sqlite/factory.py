"""The plugin `account.sqlite`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from thurn.plugin import Context, plugin

from thurn_account_sqlite.accounts import SqliteAccounts
from thurn_account_sqlite.database import Database
from thurn_account_sqlite.settings import SqliteSettings


@plugin("account", "sqlite")
@asynccontextmanager
async def sqlite(config: SqliteSettings, context: Context) -> AsyncIterator[SqliteAccounts]:
    """The accounts, addresses and aliases of one database, which is created if it is missing."""
    path = context.data / "accounts.db" if config.file is None else config.file
    async with Database(path) as database:
        yield SqliteAccounts(database, config, context)
