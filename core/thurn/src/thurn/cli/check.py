"""`thurn check`: is the configuration right?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from pwd import getpwnam

import click

from thurn.app.application import check as check_config
from thurn.app.application import listener_settings
from thurn.cli.option import config_option
from thurn.config.files import KeyPath
from thurn.config.instances import SiteConfig


@click.command()
@config_option
def check(config: tuple[Path, ...]) -> None:
    """Say all that is wrong with a configuration, by file and line."""
    checked = check_config(config).config
    for warning in (*checked.told_at_check(), *_unusable(checked)) if checked else ():
        click.echo(f"warning: {warning}", err=True)
    click.echo("The configuration is right.")


def _unusable(config: SiteConfig) -> Iterator[str]:
    """Directories that the server needs and could not use, each with the line that names it."""
    places: list[tuple[KeyPath, Path]] = [(("site", "data"), config.site.data)]
    for instance in config.of_role("listener"):
        places += [
            ((instance.role, instance.name, "bind"), Path(spec.removeprefix("unix:")).parent)
            for spec in listener_settings(instance).bind
            if spec.startswith("unix:")
        ]
    for key, path in places:
        there = next(one for one in (path, *path.parents) if one.exists())
        where = f"{config.source.where(key)}: {'.'.join(key)}"
        if not there.is_dir():
            yield f"{where}: {there} is no directory"
        elif there != path and key[-1] == "bind":
            yield f"{where}: {path} does not exist"
        elif not os.access(there, os.R_OK | os.W_OK | os.X_OK):
            yield f"{where}: we may not write in {there} (is the server another account?)"
        elif there == path and key[-1] == "data" and _is_anothers(path, config.site.user):
            yield f"{where}: {path} belongs to another account than site.user: chown it"


def _is_anothers(path: Path, account: str | None) -> bool:
    """Only the server's own account may write in its data directory."""
    return account is not None and path.stat().st_uid != getpwnam(account).pw_uid
