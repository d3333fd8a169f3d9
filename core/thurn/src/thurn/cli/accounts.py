"""Finds the names of accounts for commands that print a file which has only their ids.

Rules of this file: a name is a courtesy. If the site cannot be opened (it is broken, or its
database belongs to another account), the command goes on and prints ids.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import click

from thurn.contracts.command import CommandSite
from thurn.types.errors import ThurnError
from thurn.types.identity import AccountId


def names_of(config: tuple[Path, ...], accounts: Collection[str]) -> dict[str, str]:
    """The primary address of each account that the site still has, by the account's id.

    A process that runs as root takes on the site's own account here, so call this last.
    """
    if not accounts:
        return {}
    from thurn.app.command import Opener  # noqa: PLC0415 - 0.3 s that an id alone need not cost

    async def ask(site: CommandSite) -> dict[str, str]:
        names = {}
        for account in accounts:
            record = await site.directory.account(AccountId(account))
            if record is not None and record.address is not None:
                names[account] = str(record.address)
        return names

    try:
        return Opener().run(ask, config=config, roles=("account",))
    except (click.ClickException, ThurnError, OSError):
        return {}
