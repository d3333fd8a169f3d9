"""`thurn account import`: adds all accounts of a file, or none."""

from __future__ import annotations

import sys
from collections import Counter
from typing import BinaryIO

import click
from thurn_kit.commands import CommandSite, site_command

from thurn_account_sqlite.accounts import SqliteAccounts
from thurn_account_sqlite.changes.change import Change
from thurn_account_sqlite.commands.output import say
from thurn_account_sqlite.commands.secret import make
from thurn_account_sqlite.commands.site import change, common_options, find_accounts
from thurn_account_sqlite.imports.apply import apply_import
from thurn_account_sqlite.imports.document import BrokenImport, Import
from thurn_account_sqlite.imports.read import FORMATS, read_import
from thurn_account_sqlite.stored import Stored


@click.command("import")
@click.argument(
    "file", type=click.File("rb")
)  # opened with the caller's rights, before they are dropped
@click.option(
    "--format", "kind", type=click.Choice(FORMATS), help="By the file's name if not given."
)
@click.option("--domain", "domains", multiple=True, help="A domain of the site to add as well.")
@click.option(
    "--update", is_flag=True, help="Change accounts that exist; otherwise they stay as they are."
)
@click.option(
    "--new-ids",
    is_flag=True,
    help="Give new ids, so that mail stored under the names is not theirs.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
@common_options
@site_command("account")
async def import_(  # noqa: PLR0913, PLR0917 - the options
    site: CommandSite,
    file: BinaryIO,
    kind: str | None,
    domains: tuple[str, ...],
    update: bool,
    new_ids: bool,
    dry_run: bool,
    instance: str | None,
    as_json: bool,
) -> None:
    """Import the accounts of a file: account/file's TOML, Dovecot's passwd-file, or CSV."""
    accounts = find_accounts(site, instance)
    try:
        content = read_import(file, kind, domains, new_ids=new_ids)
    except BrokenImport as error:
        raise click.ClickException(str(error)) from error
    counted = await _import(accounts, content, update=update, dry_run=dry_run)
    what = ", ".join(f"{counted[key]} {key}" for key in ("added", "changed", "skipped"))
    text = f"accounts: {what}; aliases: {counted['aliases']}; domains: {counted['domains']}"
    entry = {**counted, "dry_run": dry_run}
    say(f"{text} (nothing was changed)" if dry_run else text, entry, as_json=as_json)


async def _import(
    accounts: SqliteAccounts, content: Import, *, update: bool, dry_run: bool
) -> Counter[str]:
    """Hash passwords in clear text, then apply the import in one change; a dry run undoes it."""
    from rich.console import Console  # noqa: PLC0415 - 100 ms
    from rich.progress import Progress  # noqa: PLC0415

    settings = accounts.settings
    hashed: dict[str, Stored] = {}
    on_terminal = sys.stderr.isatty()
    with Progress(console=Console(stderr=True), disable=not on_terminal) as progress:
        clear = {a.properties.name: a.clear for a in content.accounts if a.clear}
        task = progress.add_task("passwords", total=len(clear), visible=bool(clear))
        for name, password in clear.items():
            hashed[name] = await make(password, settings)
            progress.advance(task)
        task = progress.add_task("accounts", total=len(content.accounts))

        def work(change: Change) -> Counter[str]:
            change.run("SAVEPOINT before")
            counted = apply_import(
                change, content, hashed, update=update, on_account=lambda: progress.advance(task)
            )
            if dry_run:
                change.run("ROLLBACK TO before")
            return counted

        return await change(accounts, work)
