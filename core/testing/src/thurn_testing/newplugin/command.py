"""The command `thurn plugins new`, which the group `thurn plugins` finds by its entry point."""

from __future__ import annotations

from pathlib import Path

import click

from thurn_testing.newplugin.render import ROLES, render


@click.command()
@click.argument("role", type=click.Choice(ROLES))
@click.argument("name")
@click.argument("target", required=False, type=click.Path(path_type=Path))
def new(role: str, name: str, target: Path | None) -> None:
    """Write the first version of a plugin, with its test, into a new directory."""
    chosen = target if target is not None else Path(f"thurn-{role}-{name}")
    for path in render(role, name, chosen):
        click.echo(f"written: {path}")
    click.echo(f"Now: pip install -e {chosen} && pytest {chosen}")
