"""The plugin `account.file`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from thurn.plugin import Context, plugin

from thurn_account_file.accounts import FileAccounts, open_accounts
from thurn_account_file.settings import FileSettings


@plugin("account", "file")
@asynccontextmanager
async def file(config: FileSettings, context: Context) -> AsyncIterator[FileAccounts]:
    """The accounts, addresses and aliases of one file."""
    yield await open_accounts(config, context)
