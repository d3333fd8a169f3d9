"""`thurn domain`: the domains of the site."""

from __future__ import annotations

import click
from thurn_kit.commands import CommandSite, site_command

from thurn_account_sqlite import listing
from thurn_account_sqlite.changes.domain import SITE_DEFAULT, add_domain, delete_domain, set_domain
from thurn_account_sqlite.commands.output import print_json, print_table, say
from thurn_account_sqlite.commands.site import change, common_options, confirm, find_accounts, read

_separator = click.option(
    "--separator",
    help="The character before the detail of a sub-address; '' for no sub-addresses, "
    f"{SITE_DEFAULT!r} for that of the settings.",
)
_postmaster = click.option(
    "--postmaster",
    metavar="ACCOUNT",
    help=f"Who gets mail to postmaster there; {SITE_DEFAULT!r} for that of the settings.",
)


@click.group()
def domain() -> None:
    """The domains of the site (accounts in a database)."""


@domain.command()
@click.argument("name")
@_separator
@_postmaster
@common_options
@site_command("account")
async def add(
    site: CommandSite,
    name: str,
    separator: str | None,
    postmaster: str | None,
    instance: str | None,
    as_json: bool,
) -> None:
    """Add a domain; mail for it is accepted from now on."""
    separator = None if separator == SITE_DEFAULT else separator
    postmaster = None if postmaster == SITE_DEFAULT else postmaster
    added, is_new = await change(
        find_accounts(site, instance),
        lambda c: add_domain(c, name, separator=separator, postmaster=postmaster),
    )
    text = f"{added} is added" if is_new else f"{added} exists already"
    say(text, {"domain": added, "changed": is_new}, as_json=as_json)


@domain.command("set")
@click.argument("name")
@_separator
@_postmaster
@common_options
@site_command("account")
async def set_(
    site: CommandSite,
    name: str,
    separator: str | None,
    postmaster: str | None,
    instance: str | None,
    as_json: bool,
) -> None:
    """Change the separator or the postmaster of a domain."""
    normal, changed = await change(
        find_accounts(site, instance),
        lambda c: set_domain(c, name, separator=separator, postmaster=postmaster),
    )
    text = f"{normal} is changed" if changed else f"nothing had to be changed for {normal}"
    say(text, {"domain": normal, "changed": changed}, as_json=as_json)


@domain.command("list")
@common_options
@site_command("account")
async def list_(site: CommandSite, instance: str | None, as_json: bool) -> None:
    """List the domains."""
    entries = await read(find_accounts(site, instance), listing.domains)
    if as_json:
        print_json(entries)
        return
    rows = [
        (
            entry["domain"],
            "default" if entry["separator"] is None else entry["separator"] or "none",
            entry["postmaster"] or "default",
            entry["addresses"],
            entry["aliases"],
        )
        for entry in entries
    ]
    print_table(("domain", "separator", "postmaster", "addresses", "aliases"), rows)


@domain.command()
@click.argument("name")
@click.option("--with-addresses", is_flag=True, help="Delete its addresses and aliases as well.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@common_options
@site_command("account")
async def delete(
    site: CommandSite,
    name: str,
    with_addresses: bool,
    yes: bool,
    instance: str | None,
    as_json: bool,
) -> None:
    """Delete a domain. Mail for it is refused from now on, unless a relay rule permits it."""
    accounts = find_accounts(site, instance)
    confirm(f"Delete the domain {name}?", yes=yes)
    normal, addresses = await change(
        accounts, lambda c: delete_domain(c, name, with_addresses=with_addresses)
    )
    text = f"{normal} is deleted" + (f", with {', '.join(addresses)}" if addresses else "")
    say(text, {"domain": normal, "addresses": addresses}, as_json=as_json)
