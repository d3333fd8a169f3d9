"""`thurn sieve put | activate | list | get | history | delete`: manages scripts of accounts.

The commands work while the server runs and while it does not. Their rules are those of ManageSieve
(RFC 5804).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import BinaryIO, Final

import click
from thurn.plugin import (
    ScriptActive,
    ScriptDiagnostic,
    ScriptError,
    ScriptRecord,
    ScriptRefused,
)
from thurn_kit.commands import CommandSite, examples, find_account, site_command
from thurn_kit.table import json_option

from thurn_delivery_sieve.command.output import print_json, print_table
from thurn_delivery_sieve.command.rules import rules_of
from thurn_delivery_sieve.management import SieveScripts

SOURCE_OCTETS: Final = 1_048_576
"""Octets of a file that are read as a script; the setting `script_size` cannot be larger."""
_ROLES: Final = ("account", "store", "delivery")


async def _open(site: CommandSite, account: str) -> SieveScripts:
    handle = await site.open_account((await find_account(site, account)).account)
    return SieveScripts(rules_of(site), handle, site.clock)


@contextmanager
def _explained(account: str) -> Iterator[None]:
    """Turn an error of a script into a message of the command."""
    try:
        yield
    except ScriptRefused:
        raise
    except ScriptActive as error:
        hint = f"run `thurn sieve activate {account} --none` first"
        raise click.ClickException(f"{account}: {error}; {hint}") from None
    except ScriptError as error:
        raise click.ClickException(f"{account}: {error}") from None


@click.command(epilog=examples("thurn sieve put --activate alice rules rules.sieve"))
@click.argument("account")
@click.argument("name")
@click.argument("script", type=click.File("rb"))
@click.option("--activate", is_flag=True, help="Make it the active script, too.")
@json_option
@site_command(*_ROLES)
async def put(
    site: CommandSite, account: str, name: str, script: BinaryIO, activate: bool, as_json: bool
) -> None:
    """Store a script for an account; a script with errors is refused. RFC 5804 §2.6."""
    scripts = await _open(site, account)
    try:
        with _explained(account):
            stored = await scripts.put(name, script.read(SOURCE_OCTETS + 1), activate=activate)
    except ScriptRefused as error:
        _show_diagnostics(script.name, error.diagnostics)
        raise click.ClickException(f"{script.name} was not stored") from None
    _show_diagnostics(script.name, stored.warnings)
    version, active = stored.record.version, stored.record.active
    text = f"{name}: version {version}, {'active' if active else 'not active'}"
    _say(text, {"name": name, "version": version, "active": active}, as_json=as_json)


def _show_diagnostics(file: str, diagnostics: Sequence[ScriptDiagnostic]) -> None:
    for diagnostic in diagnostics:
        click.echo(f"{file}: {diagnostic}", err=True)


@click.command()
@click.argument("account")
@click.argument("name", required=False)
@click.option("--none", "deactivate", is_flag=True, help="Make no script the active one.")
@json_option
@site_command(*_ROLES)
async def activate(
    site: CommandSite, account: str, name: str | None, deactivate: bool, as_json: bool
) -> None:
    """Make a script the active one. RFC 5804 §2.8."""
    if deactivate == (name is not None):
        raise click.UsageError("give a script's name or --none")
    with _explained(account):
        await (await _open(site, account)).activate(name)
    _say(f"active: {name or '(none)'}", {"active": name}, as_json=as_json)


@click.command("list")
@click.argument("account")
@json_option
@site_command(*_ROLES)
async def list_scripts(site: CommandSite, account: str, as_json: bool) -> None:
    """List the scripts of an account."""
    scripts = await _open(site, account)
    _show(f"Scripts of {account}", await scripts.list(), as_json=as_json)


@click.command()
@click.argument("account")
@click.argument("name")
@json_option
@site_command(*_ROLES)
async def history(site: CommandSite, account: str, name: str, as_json: bool) -> None:
    """List all versions of a script, the oldest first."""
    with _explained(account):
        versions = await (await _open(site, account)).history(name)
    _show(f"Versions of {name}", versions, as_json=as_json)


@click.command()
@click.argument("account")
@click.argument("name", required=False)
@click.option("--version", type=click.IntRange(1), help="An older version.")
@json_option
@site_command(*_ROLES)
async def get(
    site: CommandSite, account: str, name: str | None, version: int | None, as_json: bool
) -> None:
    """Write a script to standard output, the active one by default. RFC 5804 §2.9."""
    with _explained(account):
        scripts = await _open(site, account)
        source = await scripts.get(name, version=version)
        if name is None:
            name = next((one.name for one in await scripts.list() if one.active), None)
    if as_json:
        print_json({"name": name, "script": source.decode("utf-8", "replace")})
    else:
        sys.stdout.buffer.write(source)


@click.command()
@click.argument("account")
@click.argument("name")
@json_option
@site_command(*_ROLES)
async def delete(site: CommandSite, account: str, name: str, as_json: bool) -> None:
    """Delete a script that is not active; its history stays. RFC 5804 §2.10."""
    with _explained(account):
        await (await _open(site, account)).delete(name)
    _say(f"{name}: deleted", {"removed": name}, as_json=as_json)


def _say(text: str, value: object, *, as_json: bool) -> None:
    """Print what was done: the text for people, or the value for programs."""
    if as_json:
        print_json(value)
    else:
        click.echo(text)


def _show(title: str, records: Sequence[ScriptRecord], *, as_json: bool) -> None:
    rows = [
        (
            one.name,
            one.version,
            "active" if one.active else "",
            one.size_octets,
            datetime.fromtimestamp(one.changed_at, UTC).isoformat(timespec="seconds"),
        )
        for one in records
    ]
    if as_json:
        keys = ("name", "version", "active", "size_octets", "changed_at")
        print_json([{**dict(zip(keys, row, strict=True)), "active": bool(row[2])} for row in rows])
    else:
        print_table(title, ("name", "version", "", "octets", "changed"), rows)
