"""`thurn account app-password`: passwords for one program or device, which can be revoked."""

from __future__ import annotations

import click
from thurn_kit.commands import CommandSite, site_command

from thurn_account_sqlite import listing
from thurn_account_sqlite.apppassword import hash_app_password, make_app_password
from thurn_account_sqlite.changes.change import Change, known_account
from thurn_account_sqlite.changes.credential import add_app_password, revoke_app_password
from thurn_account_sqlite.commands.output import print_json, print_table, say
from thurn_account_sqlite.commands.site import (
    change,
    common_options,
    find_accounts,
    owner_of,
    read,
)
from thurn_account_sqlite.commands.values import read_until, until


@click.group("app-password")
def app_password() -> None:
    """Passwords for one program or device each."""


@app_password.command()
@click.argument("name")
@click.argument("label")
@click.option(
    "--service",
    "services",
    multiple=True,
    help="A protocol that the password is for; all if not given.",
)
@click.option(
    "--expires",
    callback=read_until,
    metavar="TIME",
    help="When the password ends: after 90d, or at the end of 2027-01-31 (UTC).",
)
@common_options
@site_command("account")
async def add(  # noqa: PLR0913, PLR0917 - the options
    site: CommandSite,
    name: str,
    label: str,
    services: tuple[str, ...],
    expires: str | None,
    instance: str | None,
    as_json: bool,
) -> None:
    """Make an app password. It is shown once, and stored as a hash."""
    accounts = find_accounts(site, instance)
    shown = make_app_password()
    value = hash_app_password(shown)
    ends = None if expires is None else until(expires, accounts.clock.wall())

    def work(change: Change) -> None:
        add_app_password(
            change,
            owner_of(change, name),
            label,
            value,
            services=frozenset(services) or None,
            expires=ends,
        )

    await change(accounts, work)
    entry = {"label": label, "password": shown, "expires": listing.moment(ends)}
    say(f"{shown}\nIt is not shown again; dashes and case do not matter.", entry, as_json=as_json)


@app_password.command("list")
@click.argument("name")
@common_options
@site_command("account")
async def list_(site: CommandSite, name: str, instance: str | None, as_json: bool) -> None:
    """List an account's passwords: their services, and when they were used (to the day)."""
    accounts = find_accounts(site, instance)
    entries = await read(accounts, lambda c: listing.credentials(c, known_account(c, name)[0]))
    if as_json:
        print_json(entries)
        return
    columns = ("label", "kind", "services", "created", "last_used", "expires")
    rows = [[entry[key] for key in columns] for entry in entries]
    print_table([key.replace("_", " ") for key in columns], rows)


@app_password.command()
@click.argument("name")
@click.argument("label")
@common_options
@site_command("account")
async def revoke(
    site: CommandSite, name: str, label: str, instance: str | None, as_json: bool
) -> None:
    """Delete an app password. It stops working at once."""
    await change(
        find_accounts(site, instance),
        lambda c: revoke_app_password(c, owner_of(c, name), label),
    )
    say(f"the app password {label} of {name} is revoked", {"revoked": label}, as_json=as_json)
