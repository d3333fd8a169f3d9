"""The plugin: opens the store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio
from thurn.plugin import AccountId, Context, Identity, MailStore, plugin
from thurn_kit.mailboxes import StoreSettings

from thurn_store_memory import tree
from thurn_store_memory.handle import MemoryAccount
from thurn_store_memory.state import AccountState
from thurn_store_memory.work import OpenAccount


class MemorySettings(StoreSettings):
    """Settings of `store.memory`."""

    @property
    def needs_state(self) -> bool:
        """Always true: the notices of the shared state announce changes."""
        return True


class MemoryStore:
    """The accounts of one process; see `thurn.contracts.store.MailStore`."""

    def __init__(self, config: MemorySettings, context: Context) -> None:
        self._config = config
        self._context = context
        self._states: dict[AccountId, AccountState] = {}

    async def open(self, account: AccountId, identity: Identity | None) -> MemoryAccount:
        """The account as this identity sees it."""
        await trio.lowlevel.checkpoint()
        state = self._states.get(account)
        if state is None:
            state = AccountState(int(self._context.clock.wall()))
            tree.make_initial(state, self._config.mailboxes, self._config.separator)
            self._states[account] = state
        separator = self._config.separator
        return MemoryAccount(OpenAccount(account, identity, state, self._context, separator))

    async def accounts(self) -> Sequence[AccountId]:
        """All accounts that were opened."""
        await trio.lowlevel.checkpoint()
        return list(self._states)


@plugin("store", "memory")
@asynccontextmanager
async def memory(config: MemorySettings, context: Context) -> AsyncIterator[MailStore]:
    """A store that loses everything when it is closed."""
    yield MemoryStore(config, context)
