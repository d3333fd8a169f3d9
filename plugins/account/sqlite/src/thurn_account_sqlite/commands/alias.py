"""`thurn alias`: addresses that lead to accounts and other addresses."""

from __future__ import annotations

import click
from thurn_kit.commands import CommandSite, site_command

from thurn_account_sqlite import listing
from thurn_account_sqlite.changes.alias import add_targets, remove_targets, set_targets
from thurn_account_sqlite.changes.change import ChangeRefused, read_domain
from thurn_account_sqlite.commands.output import print_json, print_table, say
from thurn_account_sqlite.commands.site import change, common_options, confirm, find_accounts, read

_address = click.argument("address")
_targets = click.argument("targets", nargs=-1, required=True, metavar="TARGET…")


@click.group()
def alias() -> None:
    """Aliases: addresses that lead to accounts and other addresses.

    ADDRESS is an address at one of the site's domains, or @domain for all other addresses there. A
    TARGET is the name of an account, or an address anywhere.
    """


@alias.command()
@_address
@_targets
@common_options
@site_command("account")
async def add(
    site: CommandSite, address: str, targets: tuple[str, ...], instance: str | None, as_json: bool
) -> None:
    """Add targets to an alias; it is created if it is missing."""
    key, new = await change(
        find_accounts(site, instance), lambda c: add_targets(c, address, targets)
    )
    _say_set(key, new, as_json)


@alias.command("set")
@_address
@_targets
@common_options
@site_command("account")
async def set_(
    site: CommandSite, address: str, targets: tuple[str, ...], instance: str | None, as_json: bool
) -> None:
    """Give an alias these targets only; it is created if it is missing."""
    key, new = await change(
        find_accounts(site, instance), lambda c: set_targets(c, address, targets)
    )
    _say_set(key, new, as_json)


@alias.command("list")
@click.option("--domain", "domain_name", help="Only aliases at this domain.")
@common_options
@site_command("account")
async def list_(
    site: CommandSite, domain_name: str | None, instance: str | None, as_json: bool
) -> None:
    """List the aliases and their targets."""
    try:
        domain = None if domain_name is None else read_domain(domain_name)
    except ChangeRefused as error:
        raise click.ClickException(str(error)) from error
    entries = await read(find_accounts(site, instance), lambda c: listing.aliases(c, domain))
    if as_json:
        print_json(entries)
    else:
        print_table(("alias", "targets"), [(e["alias"], e["targets"]) for e in entries])


@alias.command()
@_address
@click.argument("targets", nargs=-1, metavar="[TARGET]…")
@click.option("--yes", is_flag=True, help="Do not ask.")
@common_options
@site_command("account")
async def delete(
    site: CommandSite,
    address: str,
    targets: tuple[str, ...],
    yes: bool,
    instance: str | None,
    as_json: bool,
) -> None:
    """Remove targets from an alias, or delete it if none is named."""
    accounts = find_accounts(site, instance)
    confirm(f"Delete the alias {address}?", yes=yes or bool(targets))
    key, remains = await change(accounts, lambda c: remove_targets(c, address, targets))
    text = f"{key} is changed" if remains else f"{key} is deleted"
    say(text, {"alias": key, "deleted": not remains}, as_json=as_json)


def _say_set(key: str, changed: bool, as_json: bool) -> None:
    text = f"{key} is set" if changed else f"nothing had to be changed for {key}"
    say(text, {"alias": key, "changed": changed}, as_json=as_json)
