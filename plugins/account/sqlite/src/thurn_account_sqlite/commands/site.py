"""What all commands share: which instance, who changes, and errors that people can use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import apsw
import click
from thurn.plugin import TemporaryFailure
from thurn_kit.commands import CommandSite, caller
from thurn_kit.table import json_option

from thurn_account_sqlite.accounts import SqliteAccounts
from thurn_account_sqlite.changes.account import read_properties
from thurn_account_sqlite.changes.address import Owner
from thurn_account_sqlite.changes.change import Change, ChangeRefused

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_instance_option = click.option(
    "--instance", metavar="NAME", help="Which account instance, where the site has several."
)


def common_options(function: F) -> F:
    """`--instance` and `--json`."""
    return _instance_option(json_option(function))


def find_accounts(site: CommandSite, instance: str | None) -> SqliteAccounts:
    """The account instance of this kind that is meant.

    Raises:
        click.ClickException: the site has none, or several and none was named.
    """
    found = {
        name.removeprefix("account."): product
        for name, product in site.instances("account")
        if isinstance(product, SqliteAccounts)
    }
    if instance is not None:
        wanted = instance.removeprefix("account.")
        if wanted not in found:
            raise click.ClickException(
                f'no account instance {wanted!r} of type "sqlite": there are {_listed(found)}'
            )
        return found[wanted]
    if not found:
        raise click.ClickException(
            'the site has no accounts in a database: add [account.NAME] with type = "sqlite", and '
            "its name to accounts of [site]"
        )
    if len(found) > 1:
        raise click.ClickException(f"say which with --instance: there are {_listed(found)}")
    return next(iter(found.values()))


async def change(accounts: SqliteAccounts, work: Callable[[Change], T]) -> T:
    """The result of a change, which is on the disk.

    Raises:
        click.ClickException: it was refused, or cannot be done now.
    """
    now, who, days = accounts.clock.wall(), caller(), accounts.settings.history_days

    def whole(connection: apsw.Connection) -> T:
        change = Change(connection, who, now)
        result = work(change)
        change.forget(days)
        return result

    return await _told(accounts.database.write, whole)


async def read(accounts: SqliteAccounts, work: Callable[[apsw.Connection], T]) -> T:
    """The result of a look-up.

    Raises:
        click.ClickException: there is no such thing, or it cannot be read now.
    """
    return await _told(accounts.database.read, work)


async def _told(run: Callable[..., Any], work: Callable[..., T]) -> T:
    try:
        result: T = await run(work)
    except ChangeRefused as error:
        raise click.ClickException(str(error)) from error
    except UnicodeEncodeError:  # octets of the command line that are no characters
        raise click.ClickException("a name or text is not UTF-8: set the terminal to it") from None
    except TemporaryFailure as error:
        raise click.ClickException(f"{error}; nothing was changed, try again") from error
    return result


def confirm(question: str, *, yes: bool) -> None:
    """Go on only if somebody says so.

    Raises:
        click.ClickException: nobody did.
    """
    try:
        if yes or click.confirm(question, err=True):
            return
    except click.Abort:
        click.echo(err=True)
    raise click.ClickException("nothing was changed: answer y, or say --yes")


def owner_of(change: Change, name: str) -> Owner:
    """Number, id and name of an account.

    Raises:
        ChangeRefused: there is none.
    """
    number, account = change.account(name)
    return number, account, read_properties(change, number).name


def _listed(found: dict[str, SqliteAccounts]) -> str:
    return ", ".join(sorted(found)) or "none"
