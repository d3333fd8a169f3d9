"""What the host gives to a command of a plugin (`thurn account`, `thurn relay` …): a part of the
site, opened in the command's own process, whether a server is running or not.

A command is a click command at an entry point of the group "thurn.commands". It asks for the site
by `thurn_kit.commands`:

    @click.command()
    @site_command("account")
    async def accounts(site: CommandSite) -> None: ...

and for products of its own distribution by `site.instances(role)` and `isinstance`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from thurn.contracts.account import Directory
from thurn.contracts.clock import Clock
from thurn.contracts.state import State
from thurn.contracts.store import AccountHandle
from thurn.types.identity import AccountId

T = TypeVar("T")


class CommandSite(Protocol):
    """The part of a site that a command has asked for. Changes are durable when a call returns."""

    @property
    def data(self) -> Path:
        """The site's data directory."""

    @property
    def clock(self) -> Clock:
        """Time."""

    @property
    def state(self) -> State:
        """Small shared state. It is the running server's if the state plugin shares it between
        processes."""

    @property
    def directory(self) -> Directory:
        """All account instances of the site as one."""

    def instances(self, role: str) -> Sequence[tuple[str, Any]]:
        """The opened instances of a role, with their names, in the configuration's order."""

    def names(self, role: str) -> Sequence[str]:
        """The names of the site's instances of a role, opened or not, in the configuration's
        order."""

    async def open_account(self, account: AccountId) -> AccountHandle:
        """The account's mailboxes and documents in its store, as the host sees them."""


class SiteOpener(Protocol):
    """click's `obj` below the command `thurn`."""

    def run(
        self,
        action: Callable[[CommandSite], Awaitable[T]],
        *,
        config: Sequence[Path],
        roles: Collection[str],
    ) -> T:
        """Open the instances of these roles and what they need, run the action, and close them.

        Raises:
            click.ClickException: the configuration is wrong or the site cannot be opened; the text
                has all findings.
        """
