"""The command `thurn plugins new`, which the group `thurn plugins` finds by its entry point."""

from __future__ import annotations

from pathlib import Path

import click

from thurn_testing.newplugin.render import ROLES, render


@click.command()
@click.argument("role", type=click.Choice(ROLES), metavar="ROLE")
@click.argument("name")
@click.argument("target", required=False, type=click.Path(path_type=Path))
def new(role: str, name: str, target: Path | None) -> None:
    """Write a new plugin that works, with its tests.

    ROLE is filter, policy, relay, login, outgoing, router, sasl, sieve or imap (a function or
    value), or listener, tls, resolver, account, delivery, queue, transport, store, guard, search,
    state or
    service (a class). TARGET is a new directory: thurn-ROLE-NAME if not given.
    """
    chosen = target if target is not None else Path(f"thurn-{role}-{name}")
    for path in render(role, name, chosen):
        click.echo(f"written: {path}")
    click.echo(f"Now: pip install -e {chosen} && pytest {chosen}")
