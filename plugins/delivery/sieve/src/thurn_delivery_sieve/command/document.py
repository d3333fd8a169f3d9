"""`thurn sieve put | activate | list | get | history | delete`: scripts of accounts, beside a
running server or without one. Rules are those of ManageSieve (RFC 5804)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import BinaryIO, Final

import click
from thurn.plugin import AccountHandle, Document, DocumentNotFound
from thurn_kit.commands import CommandSite, find_account, site_command

from thurn_delivery_sieve.command.output import print_json, print_table
from thurn_delivery_sieve.command.rules import rules_of
from thurn_delivery_sieve.scripts import KIND, is_script_name

SOURCE_OCTETS: Final = 1_048_576
"""Of a script that is read; an account's document cannot be larger."""
_ROLES: Final = ("account", "store", "delivery")


async def _open(site: CommandSite, account: str) -> AccountHandle:
    return await site.open_account((await find_account(site, account)).account)


@click.command()
@click.argument("account")
@click.argument("name")
@click.argument("script", type=click.File("rb"))
@click.option("--activate", is_flag=True, help="Make it the active script as well.")
@site_command(*_ROLES)
async def put(site: CommandSite, account: str, name: str, script: BinaryIO, activate: bool) -> None:
    """Store a script for an account; one with errors is refused. RFC 5804 §2.6."""
    if not is_script_name(name):
        raise click.ClickException("a script's name has 1 to 128 characters and no controls")
    source = script.read(SOURCE_OCTETS + 1)
    diagnostics = await rules_of(site).check(source, name)
    for found in diagnostics:
        click.echo(f"{script.name}: {found}", err=True)
    if any(found.severity == "error" for found in diagnostics):
        raise click.ClickException(f"{script.name} was not stored")
    handle = await _open(site, account)
    document = await handle.put_document(KIND, name, source)
    if activate:
        await handle.activate_document(KIND, name)
    state = "active" if activate or document.active else "not active"
    click.echo(f"{name}: version {document.version}, {state}")


@click.command()
@click.argument("account")
@click.argument("name", required=False)
@click.option("--none", "deactivate", is_flag=True, help="No script is active.")
@site_command(*_ROLES)
async def activate(site: CommandSite, account: str, name: str | None, deactivate: bool) -> None:
    """Make a script the active one. RFC 5804 §2.8."""
    if deactivate == (name is not None):
        raise click.UsageError("give a script's name or --none")
    handle = await _open(site, account)
    try:
        await handle.activate_document(KIND, name)
    except DocumentNotFound:
        raise click.ClickException(f"{account} has no script {name}") from None
    click.echo(f"active: {name or '(none)'}")


@click.command("list")
@click.argument("account")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@site_command(*_ROLES)
async def list_scripts(site: CommandSite, account: str, as_json: bool) -> None:
    """The scripts of an account."""
    handle = await _open(site, account)
    _show(f"Scripts of {account}", await handle.documents(KIND), as_json=as_json)


@click.command()
@click.argument("account")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@site_command(*_ROLES)
async def history(site: CommandSite, account: str, name: str, as_json: bool) -> None:
    """All versions of a script, oldest first."""
    handle = await _open(site, account)
    found = await handle.document_history(KIND, name)
    if not found:
        raise click.ClickException(f"{account} has no script {name}")
    _show(f"Versions of {name}", found, as_json=as_json)


@click.command()
@click.argument("account")
@click.argument("name", required=False)
@click.option("--version", type=click.IntRange(1), help="An older version.")
@site_command(*_ROLES)
async def get(site: CommandSite, account: str, name: str | None, version: int | None) -> None:
    """Write a script to standard output; without a name the active one. RFC 5804 §2.9."""
    handle = await _open(site, account)
    if name is None:
        document = await handle.active_document(KIND)
        if document is None:
            raise click.ClickException(f"{account} has no active script")
        name = document.name
    document = await handle.document(KIND, name, version=version)
    if document is None:
        raise click.ClickException(f"{account} has no such script")
    sys.stdout.buffer.write(document.content)


@click.command()
@click.argument("account")
@click.argument("name")
@site_command(*_ROLES)
async def delete(site: CommandSite, account: str, name: str) -> None:
    """Remove a script that is not active; its history stays. RFC 5804 §2.10."""
    handle = await _open(site, account)
    document = await handle.document(KIND, name)
    if document is None:
        raise click.ClickException(f"{account} has no script {name}")
    # RFC 5804 §2.10: the active script MUST NOT be deleted.
    if document.active:
        raise click.ClickException(
            f"{name} is active; `thurn sieve activate {account} --none` first"
        )
    await handle.delete_document(KIND, name)
    click.echo(f"{name}: removed")


def _show(title: str, documents: Sequence[Document], *, as_json: bool) -> None:
    rows = [
        (
            one.name,
            one.version,
            "active" if one.active else "",
            len(one.content),
            datetime.fromtimestamp(one.changed_at, UTC).isoformat(timespec="seconds"),
        )
        for one in documents
    ]
    if as_json:
        keys = ("name", "version", "active", "size_octets", "changed_at")
        print_json([{**dict(zip(keys, row, strict=True)), "active": bool(row[2])} for row in rows])
    else:
        print_table(title, ("name", "version", "", "octets", "changed"), rows)
