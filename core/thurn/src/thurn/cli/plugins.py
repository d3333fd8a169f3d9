"""`thurn plugins`: lists the installed plugins; the kit adds `thurn plugins new`."""

from __future__ import annotations

import click

from thurn.cli.lazy import LazyGroup
from thurn.cli.table import json_option, print_table
from thurn.hooks.registry import installed


@click.group(cls=LazyGroup, below="plugins")
def plugins() -> None:
    """Show installed plugins, and make new ones."""


@plugins.command("list")
@json_option
def list_plugins(as_json: bool) -> None:
    """List the installed plugins with their distributions. None of them is imported."""
    points = sorted(installed(), key=lambda point: point.name)
    rows = [(p.name, *((p.dist.name, p.dist.version) if p.dist else ("?", ""))) for p in points]
    print_table(("plugin", "distribution", "version"), rows, as_json=as_json)
