"""The site as a command sees it: the instances of some roles, opened in the command's own process
beside a running server, or without one (`thurn.contracts.command`).

Rules of this file:
1. If a command writes through the commit log, all owners of records are opened (`owns_records`), so
   that this process can replay what a killed worker left. Otherwise the log is not touched.
2. A command that root starts first becomes the account that the site runs as: the `user` of the
   configuration, or the owner of the data directory. So no new file belongs to root, which the
   server could not open.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click
import trio

from thurn.app.access import denied, refusal
from thurn.app.application import plan_of
from thurn.app.opened import OpenSite
from thurn.app.rights import drop_rights, find_rights, owner_rights
from thurn.app.site import open_site
from thurn.config.files import read
from thurn.config.instances import SiteConfig, load
from thurn.contracts.account import Directory
from thurn.contracts.command import CommandSite
from thurn.contracts.state import State
from thurn.contracts.store import AccountHandle
from thurn.types.errors import ConfigError, PluginError, StorageError, TemporaryFailure
from thurn.types.identity import AccountId

T = TypeVar("T")


class CommandSiteView:
    """`CommandSite` on an opened site."""

    def __init__(self, site: OpenSite, config: SiteConfig) -> None:
        self._site = site
        self._config = config
        self.data = site.data
        self.clock = site.clock
        self.directory: Directory = site.directory

    @property
    def state(self) -> State:
        """The site's shared state."""
        if self._site.state is None:
            raise click.ClickException("the site has no shared state: set site.state")
        return self._site.state

    def instances(self, role: str) -> Sequence[tuple[str, Any]]:
        """The opened instances of a role."""
        return self._site.opened(role)

    def names(self, role: str) -> Sequence[str]:
        """The names of the site's instances of a role."""
        return [instance.name for instance in self._config.of_role(role)]

    async def open_account(self, account: AccountId) -> AccountHandle:
        """The account's mailboxes, for the host itself."""
        return await self._site.stores(self._site.directory).open(account, None)


class Opener:
    """`SiteOpener`: the object of the command `thurn`."""

    def run(
        self,
        action: Callable[[CommandSite], Awaitable[T]],
        *,
        config: Sequence[Path],
        roles: Collection[str],
    ) -> T:
        """Open, run the action, close. Errors become messages for people."""
        try:
            return self._opened(load(read(config)), action, roles)
        except* click.ClickException as group:
            raise _leaves(group)[0] from None
        except* PermissionError as group:
            refused = [e for e in _leaves(group) if isinstance(e, PermissionError)]
            texts = (refusal(e.filename) if e.filename else str(e) for e in refused)
            raise click.ClickException("\n".join(texts)) from None
        except* (ConfigError, StorageError, TemporaryFailure, PluginError) as group:
            texts = (str(error) or type(error).__name__ for error in _leaves(group))
            raise click.ClickException("\n".join(texts)) from None

    def _opened(
        self,
        config: SiteConfig,
        action: Callable[[CommandSite], Awaitable[T]],
        roles: Collection[str],
    ) -> T:
        before = os.umask(0o077)  # what the command makes is the site's alone
        try:
            return self._as_the_site(config, action, roles)
        finally:
            os.umask(before)

    def _as_the_site(
        self,
        config: SiteConfig,
        action: Callable[[CommandSite], Awaitable[T]],
        roles: Collection[str],
    ) -> T:
        rights = find_rights(replace(plan_of(config), allow_root=True))
        if rights is None and not config.site.allow_root:
            rights = owner_rights(config.site.data)
        if rights is not None:
            drop_rights(rights)
        if (refused := denied(config.site.data)) is not None:
            raise click.ClickException(refused)
        part, with_log = part_of(config, roles)

        async def main() -> T:
            async with open_site(part, with_log=with_log, serving=False) as site:
                return await action(CommandSiteView(site, config))

        return trio.run(main)


def part_of(config: SiteConfig, roles: Collection[str]) -> tuple[SiteConfig, bool]:
    """The part of a configuration that a command needs, and whether it needs the commit log."""
    instances = config.instances
    wanted = _with_needs(config, {key for key in instances if key[0] in roles})
    owners = {key for key, one in instances.items() if one.factory.owns_records}
    with_log = bool(owners & wanted)
    if with_log:
        accounts = {key for key in instances if key[0] == "account"}
        wanted = _with_needs(config, wanted | owners | accounts)
    kept = {key: value for key, value in instances.items() if key in wanted}
    return replace(config, instances=kept), with_log


def _with_needs(config: SiteConfig, named: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """These instances, what they need, and the site's state."""
    wanted = set(named)
    if config.site.state is not None:
        wanted.add(("state", config.site.state))
    waiting = list(wanted)
    while waiting:
        instance = config.instances[waiting.pop()]
        needs = instance.needs
        if instance.settings.needs_resolver and config.site.resolver is not None:
            needs.append(("resolver", config.site.resolver))
        waiting.extend(need for need in needs if need not in wanted)
        wanted.update(needs)
    return wanted


def _leaves(group: BaseException) -> list[BaseException]:
    if isinstance(group, BaseExceptionGroup):
        return [leaf for error in group.exceptions for leaf in _leaves(error)]
    return [group]
