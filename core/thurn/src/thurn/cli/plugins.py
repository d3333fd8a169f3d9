"""`thurn plugins`: what is installed, and the start of a new one."""

from __future__ import annotations

import json

import click

from thurn.cli.lazy import LazyGroup
from thurn.hooks.registry import installed


@click.group(cls=LazyGroup, below="plugins")
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
