"""Commands of plugins: a decorator that opens the site for a click command.

    @click.command()
    @click.argument("name")
    @site_command("account")
    async def show(site: CommandSite, name: str) -> None:
        click.echo(name)

The command gets the option `--config` and runs in trio, in its own process, beside a running
server.
"""

from __future__ import annotations

import functools
import os
import pwd
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import click
from thurn.cli.option import config_option, examples
from thurn.plugin import AccountFinder, AccountId, AccountRecord, CommandSite, SiteOpener


def site_command(
    *roles: str,
) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., None]]:
    """Run an async function as a click command with the site open.

    Args:
        roles: the instances of these roles are opened, with the instances that they refer to and
            the site's state.
    """

    def decorate(function: Callable[..., Awaitable[None]]) -> Callable[..., None]:
        def command(config: tuple[Path, ...], **values: Any) -> None:  # noqa: ANN401 - click's own values
            context = click.get_current_context()
            opener = context.find_object(object)
            if opener is None or not hasattr(opener, "run"):
                raise click.UsageError("run this command as `thurn …`")
            _run(opener, function, config, roles, values)

        return config_option(functools.update_wrapper(command, function))

    return decorate


def _run(
    opener: SiteOpener,
    function: Callable[..., Awaitable[None]],
    config: tuple[Path, ...],
    roles: tuple[str, ...],
    values: dict[str, Any],
) -> None:
    async def action(site: CommandSite) -> None:
        await function(site, **values)

    opener.run(action, config=config, roles=roles)


async def find_account(site: CommandSite, name: str) -> AccountRecord:
    """The account that an operator names by a login name, one of its addresses, or its id.

    The command must have opened the role "account".

    Raises:
        click.ClickException: there is no such account.
    """
    directory = site.directory
    account = await directory.find_account(name) if isinstance(directory, AccountFinder) else None
    record = await directory.account(account or AccountId(name))
    if record is None:
        raise click.ClickException(f"there is no account {name!r}: give a login name or an address")
    return record


async def known_as(site: CommandSite, account: AccountId) -> str:
    """The name that people know an account by: its primary address, else its id.

    The command must have opened the role "account".
    """
    record = await site.directory.account(account)
    return str(record.address) if record is not None and record.address is not None else account


def caller() -> str:
    """Who runs this command, for histories: the person, and the system account it started as.

    The person is the kernel's login id, which stays the same through sudo and su; else the caller
    of sudo or doas; else the owner of the terminal. A command that systemd or cron started has
    only its system account.
    """
    account = _name_of(_STARTED_AS)
    called_as = os.environ.get("SUDO_USER") or os.environ.get("DOAS_USER")
    person = _login_name() or called_as or _terminal_name() or account
    return account if person == account else f"{person} (as {account})"


_STARTED_AS: Final = os.getuid()
"""The system account at the start; a command of root becomes the site's account before it acts."""
_UNSET: Final = 2**32 - 1
"""The login id of a process that was not started in a login session."""


def _login_name() -> str | None:
    """The name of Linux's login id; None without a login session, or on another system."""
    try:
        number = int(Path("/proc/self/loginuid").read_text("ascii"))
    except (OSError, ValueError):
        return None
    return None if number == _UNSET else _name_of(number)


def _terminal_name() -> str | None:
    try:
        return os.getlogin()
    except OSError:  # no terminal
        return None


def _name_of(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # a number without a name
        return str(number)


__all__ = [
    "CommandSite",
    "caller",
    "config_option",
    "examples",
    "find_account",
    "known_as",
    "site_command",
]
