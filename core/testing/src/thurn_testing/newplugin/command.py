"""The command `thurn plugins new`, which the group `thurn plugins` finds by its entry point."""

from __future__ import annotations

from pathlib import Path

import click
from thurn_kit.table import json_option, print_json

from thurn_testing.newplugin.render import ROLES, render


@click.command()
@click.argument("role", type=click.Choice(ROLES), metavar="ROLE")
@click.argument("name")
@click.argument("target", required=False, type=click.Path(path_type=Path))
@json_option
def new(role: str, name: str, target: Path | None, as_json: bool) -> None:
    """Write a new plugin that works, with its tests.

    ROLE is filter, policy, relay, login, outgoing, router, sasl, sieve or imap (a function or
    value), or listener, tls, resolver, account, delivery, queue, transport, store, guard, search,
    state or service (a class). TARGET is a new directory: thurn-ROLE-NAME if not given.
    """
    chosen = target if target is not None else Path(f"thurn-{role}-{name}")
    written = render(role, name, chosen)
    if as_json:
        print_json({"target": chosen, "written": written})
        return
    for path in written:
        click.echo(f"written: {path}")
    click.echo(f"Now: pip install -e {chosen} && pytest {chosen}")
