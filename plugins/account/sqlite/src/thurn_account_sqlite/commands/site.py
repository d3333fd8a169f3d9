"""Parts that all commands share: the instance, the change, and errors as people read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import apsw
import click
from thurn.plugin import TemporaryFailure
from thurn_kit.commands import CommandSite, caller
from thurn_kit.table import json_option

from thurn_account_sqlite.accounts import SqliteAccounts
from thurn_account_sqlite.changes.account import read_properties
from thurn_account_sqlite.changes.address import Owner
from thurn_account_sqlite.changes.change import Change, ChangeRefused

SITE_STORE: Final = "default"
"""The word of `--store` for the store that the site names."""

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_instance_option = click.option(
    "--instance", metavar="NAME", help="The account instance, if the site has several."
)


def common_options(function: F) -> F:
    """Add the options `--instance` and `--json` to a command."""
    return _instance_option(json_option(function))


def find_accounts(site: CommandSite, instance: str | None) -> SqliteAccounts:
    """The account instance that a command works on.

    Raises:
        click.ClickException: the site has no such instance, or has several and none was named.
    """
    by_name = {
        name.removeprefix("account."): product
        for name, product in site.instances("account")
        if isinstance(product, SqliteAccounts)
    }
    if instance is not None:
        wanted = instance.removeprefix("account.")
        if wanted not in by_name:
            raise click.ClickException(
                f'there is no account instance {wanted!r} of type "sqlite", only: '
                f"{_listed(by_name)}"
            )
        return by_name[wanted]
    if not by_name:
        raise click.ClickException(
            'the site has no accounts in a database: add [account.NAME] with type = "sqlite", and '
            "its name to accounts of [site]"
        )
    if len(by_name) > 1:
        raise click.ClickException(
            f"there are several account instances ({_listed(by_name)}): choose one with --instance"
        )
    return next(iter(by_name.values()))


def check_store(site: CommandSite, store: str | None) -> None:
    """Refuse a store that the site does not have, since the account's mail would wait for it.

    Raises:
        click.ClickException: the text has the names of the stores.
    """
    stores = site.names("store")
    if store is not None and store != SITE_STORE and store not in stores:
        choice = f"only: {', '.join(sorted(stores))}" if stores else "and no store at all"
        raise click.ClickException(f"the site has no store {store!r}, {choice}")


async def change(accounts: SqliteAccounts, work: Callable[[Change], T]) -> T:
    """Make a change, and return its result once it is on the disk.

    Raises:
        click.ClickException: the change was refused, or cannot be made now.
    """
    now, who, days = accounts.clock.wall(), caller(), accounts.settings.history_days

    def whole(connection: apsw.Connection) -> T:
        change = Change(connection, who, now)
        result = work(change)
        change.forget(days)
        return result

    return await _run(accounts.database.write, whole)


async def read(accounts: SqliteAccounts, work: Callable[[apsw.Connection], T]) -> T:
    """The result of a look-up.

    Raises:
        click.ClickException: the entry does not exist, or cannot be read now.
    """
    return await _run(accounts.database.read, work)


async def _run(run: Callable[..., Any], work: Callable[..., T]) -> T:
    """The result of `work`, with errors turned into messages for people."""
    try:
        result: T = await run(work)
    except ChangeRefused as error:
        raise click.ClickException(str(error)) from error
    except UnicodeEncodeError:  # octets of the command line that are not characters
        raise click.ClickException(
            "a name or text is not UTF-8: set the terminal to UTF-8"
        ) from None
    except TemporaryFailure as error:
        raise click.ClickException(f"{error}; nothing was changed, try again") from error
    return result


def confirm(question: str, *, yes: bool) -> None:
    """Ask a question, and return only after the answer yes.

    Raises:
        click.ClickException: the answer is not yes.
    """
    try:
        if yes or click.confirm(question, err=True):
            return
    except click.Abort:
        click.echo(err=True)
    raise click.ClickException("nothing was changed: answer y, or add --yes")


def owner_of(change: Change, name: str) -> Owner:
    """The number, id and name of an account.

    Raises:
        ChangeRefused: there is no such account.
    """
    number, account = change.account(name)
    return number, account, read_properties(change, number).name


def _listed(by_name: dict[str, SqliteAccounts]) -> str:
    return ", ".join(sorted(by_name)) or "none"
