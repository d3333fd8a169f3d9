"""`thurn plugins`: what is installed, and the start of a new one."""

from __future__ import annotations

import json
from pathlib import Path

import click

from thurn.cli.new import ROLES, render
from thurn.hooks.registry import installed


@click.group()
def plugins() -> None:
    """Installed plugins, and new ones."""


@plugins.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs: a list of objects.")
def list_plugins(*, as_json: bool) -> None:
    """What is installed: entry point, distribution, version. Imports none of it."""
    points = sorted(installed(), key=lambda point: point.name)
    rows = [(p.name, *((p.dist.name, p.dist.version) if p.dist else ("?", ""))) for p in points]
    keys = ("plugin", "distribution", "version")
    if as_json:
        click.echo(json.dumps([dict(zip(keys, row, strict=True)) for row in rows], indent=2))
    for name, distribution, version in () if as_json else rows:
        click.echo(f"{name:28} {distribution} {version}")


@plugins.command()
@click.argument("role", type=click.Choice(ROLES))
@click.argument("name")
@click.argument("target", required=False, type=click.Path(path_type=Path))
def new(role: str, name: str, target: Path | None) -> None:
    """Write the first version of a plugin, with its test, into a new directory."""
    chosen = target if target is not None else Path(f"thurn-{role}-{name}")
    for path in render(role, name, chosen):
        click.echo(f"written: {path}")
    click.echo(f"Now: pip install -e {chosen} && pytest {chosen}")
