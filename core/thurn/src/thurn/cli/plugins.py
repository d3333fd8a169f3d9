"""`thurn plugins`: what is installed, and the start of a new one."""

from __future__ import annotations

from pathlib import Path

import click

from thurn.cli.new import ROLES, render
from thurn.hooks.registry import installed


@click.group()
def plugins() -> None:
    """Installed plugins, and new ones."""


@plugins.command("list")
def list_plugins() -> None:
    """What is installed: entry point, distribution, version. Imports none of it."""
    for point in sorted(installed(), key=lambda point: point.name):
        distribution = point.dist
        named = f"{distribution.name} {distribution.version}" if distribution is not None else "?"
        click.echo(f"{point.name:28} {named}")


@plugins.command()
@click.argument("role", type=click.Choice(ROLES), metavar="ROLE")
@click.argument("name")
@click.argument("target", required=False, type=click.Path(path_type=Path))
def new(role: str, name: str, target: Path | None) -> None:
    """Write a new plugin that works, with its tests.

    ROLE is filter, policy, relay, login, router, sasl, sieve or imap (a function or value), or
    listener, tls, account, delivery, queue, transport, store, guard, search, state or service (a
    class). TARGET is a new directory: thurn-ROLE-NAME if not given.
    """
    chosen = target if target is not None else Path(f"thurn-{role}-{name}")
    for path in render(role, name, chosen):
        click.echo(f"written: {path}")
    click.echo(f"Now: pip install -e {chosen} && pytest {chosen}")
