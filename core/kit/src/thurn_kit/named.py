"""Accounts that a site's file names, in settings of rules and policies.

    named = await named_accounts(config.accounts, context, "accounts")
    if await named.has(identity.account): ...

Rules of this file: a name is a login name or an address; an AccountId counts as well. What names
mean is asked again after a while, so that new and renamed accounts count without a reload; a name
that nobody has is told with the line where it stands, and permits nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from typing import Final

from thurn.plugin import AccountFinder, AccountId, Context, TemporaryFailure

LOOK_SECONDS: Final = 10.0
"""How long an answer holds: a list is asked about at each recipient."""


class NamedAccounts:
    """See the module; made by `named_accounts`."""

    def __init__(self, names: Collection[str], context: Context, key: str) -> None:
        self._names, self._context, self._key = frozenset(names), context, key
        self._unknown: frozenset[str] = frozenset()
        self._found: frozenset[str] = self._names
        self._look_at = float("-inf")

    async def has(self, account: AccountId) -> bool:
        """Whether it is one of them.

        Raises:
            TemporaryFailure: the accounts cannot be asked.
        """
        if account in self._names or not self._names:
            return account in self._names
        now = self._context.clock.monotonic()
        if now >= self._look_at:
            await self.look()
            self._look_at = now + LOOK_SECONDS
        return account in self._found

    async def look(self) -> None:
        """Ask what the names mean; new unknown ones are told. Raises TemporaryFailure."""
        directory = self._context.directory
        if not isinstance(directory, AccountFinder):
            return
        found = {name: await directory.find_account(name) for name in sorted(self._names)}
        self._found = frozenset(account for account in found.values() if account is not None)
        lost = [name for name, account in found.items() if account is None]
        unknown = [n for n in lost if await directory.account(AccountId(n)) is None]
        for name in (n for n in unknown if n not in self._unknown):
            source = self._context.source(self._key)
            self._context.diagnostics.warning("settings.account_unknown", name=name, source=source)
        self._unknown = frozenset(unknown)


async def named_accounts(names: Collection[str], context: Context, key: str) -> NamedAccounts:
    """The accounts of one list of settings; unknown names are told at once.

    Args:
        names: as written.
        context: of the instance.
        key: of the setting, for the line.
    """
    named = NamedAccounts(names, context, key)
    if names and context.serving:  # a command may have opened no accounts at all
        with contextlib.suppress(TemporaryFailure, OSError):  # then it is asked again, and told
            await named.look()
    return named


__all__ = ["NamedAccounts", "named_accounts"]
