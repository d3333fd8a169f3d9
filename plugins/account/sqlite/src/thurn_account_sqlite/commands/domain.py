"""`thurn domain`: the domains that are ours."""

from __future__ import annotations

import click
from thurn_kit.commands import CommandSite, site_command

from thurn_account_sqlite import listing
from thurn_account_sqlite.changes.domain import SITE_DEFAULT, add_domain, delete_domain, set_domain
from thurn_account_sqlite.commands.output import print_json, print_table, say
from thurn_account_sqlite.commands.site import change, common_options, confirm, find_accounts, read

_separator = click.option(
    "--separator",
    help=f"What stands before the detail of a sub-address; '' for none; {SITE_DEFAULT!r}: as set.",
)
_postmaster = click.option(
    "--postmaster",
    metavar="ACCOUNT",
    help=f"Who gets mail to postmaster there; {SITE_DEFAULT!r}: as the settings say.",
)


@click.group()
def domain() -> None:
    """Domains that are ours (accounts in a database)."""


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
    """Mail for this domain is ours from now on."""
    separator = None if separator == SITE_DEFAULT else separator
    postmaster = None if postmaster == SITE_DEFAULT else postmaster
    found, new = await change(
        find_accounts(site, instance),
        lambda c: add_domain(c, name, separator=separator, postmaster=postmaster),
    )
    text = f"{found} is ours now" if new else f"{found} was ours already"
    say(text, {"domain": found, "changed": new}, as_json=as_json)


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
    found, new = await change(
        find_accounts(site, instance),
        lambda c: set_domain(c, name, separator=separator, postmaster=postmaster),
    )
    text = f"{found} is changed" if new else f"{found} was so already"
    say(text, {"domain": found, "changed": new}, as_json=as_json)


@domain.command("list")
@common_options
@site_command("account")
async def list_(site: CommandSite, instance: str | None, as_json: bool) -> None:
    """The domains that are ours."""
    found = await read(find_accounts(site, instance), listing.domains)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            entry["domain"],
            "as set" if entry["separator"] is None else entry["separator"] or "none",
            entry["postmaster"] or "as set",
            entry["addresses"],
            entry["aliases"],
        )
        for entry in found
    ]
    print_table(("domain", "separator", "postmaster", "addresses", "aliases"), rows)


@domain.command()
@click.argument("name")
@click.option("--with-addresses", is_flag=True, help="Its addresses and aliases go with it.")
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
    """Mail for this domain is not ours any more: it is refused, or relayed if it may be."""
    accounts = find_accounts(site, instance)
    confirm(f"Delete the domain {name}?", yes=yes)
    found, gone = await change(
        accounts, lambda c: delete_domain(c, name, with_addresses=with_addresses)
    )
    text = f"{found} is deleted" + (f", with {', '.join(gone)}" if gone else "")
    say(text, {"domain": found, "addresses": gone}, as_json=as_json)
