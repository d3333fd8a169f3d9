"""The names of accounts, for commands that print what a file has: it has ids only.

Rules of this file: a name is a courtesy. What cannot be opened (a broken site, a database of
another account) leaves the ids as they are, and the command goes on.
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

    A process of root becomes the site's own account here; call it last.
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
