"""Accounts that settings of rules and policies name.

    named = await named_accounts(config.accounts, context, "accounts")
    if await named.has(identity.account): ...

Rules of this file:
1. A name is a login name, an address or an AccountId.
2. The names are looked up again after `LOOK_SECONDS`, so that new and renamed accounts count
   without a reload.
3. A name that no account has is logged with its line in the configuration, and permits nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from typing import Final

from thurn.plugin import AccountFinder, AccountId, Context, TemporaryFailure

LOOK_SECONDS: Final = 10.0
"""How long the accounts of the names are remembered, in seconds, since rules ask at each recipient
and the accounts plugin should not."""


class NamedAccounts:
    """The accounts of one list of names; made by `named_accounts`."""

    def __init__(self, names: Collection[str], context: Context, key: str) -> None:
        self._names, self._context, self._key = frozenset(names), context, key
        self._unknown: frozenset[str] = frozenset()
        self._accounts: frozenset[str] = self._names
        self._look_at = float("-inf")

    async def has(self, account: AccountId) -> bool:
        """Whether one of the names is this account's.

        Raises:
            TemporaryFailure: the account plugins do not answer.
        """
        if account in self._names or not self._names:
            return account in self._names
        now = self._context.clock.monotonic()
        if now >= self._look_at:
            await self.look()
            self._look_at = now + LOOK_SECONDS
        return account in self._accounts

    async def look(self) -> None:
        """Look the names up, and log those that are newly unknown.

        Raises:
            TemporaryFailure: the account plugins do not answer.
        """
        directory = self._context.directory
        if not isinstance(directory, AccountFinder):
            return
        by_name = {name: await directory.find_account(name) for name in sorted(self._names)}
        self._accounts = frozenset(account for account in by_name.values() if account is not None)
        unmatched = [name for name, account in by_name.items() if account is None]
        unknown = [n for n in unmatched if await directory.account(AccountId(n)) is None]
        for name in (n for n in unknown if n not in self._unknown):
            source = self._context.source(self._key)
            self._context.diagnostics.warning("settings.account_unknown", name=name, source=source)
        self._unknown = frozenset(unknown)


async def named_accounts(names: Collection[str], context: Context, key: str) -> NamedAccounts:
    """The accounts of one list of names; unknown names are logged at once.

    Args:
        names: the names as written in the configuration.
        context: the instance's context.
        key: the setting that holds the names; its line is logged.
    """
    named = NamedAccounts(names, context, key)
    if names and context.serving:  # the process of a command may have opened no account plugins
        with contextlib.suppress(TemporaryFailure, OSError):  # the first `has` looks them up again
            await named.look()
    return named


__all__ = ["NamedAccounts", "named_accounts"]
