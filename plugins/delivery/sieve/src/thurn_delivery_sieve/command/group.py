"""The command group `thurn sieve`."""

from __future__ import annotations

import click

from thurn_delivery_sieve.command.document import (
    activate,
    delete,
    get,
    history,
    list_scripts,
    put,
)
from thurn_delivery_sieve.command.script import check, run
from thurn_delivery_sieve.command.suite import test_scripts


@click.group()
def sieve() -> None:
    """Check and try Sieve scripts, and manage those of accounts."""


for command in (check, run, test_scripts, put, activate, list_scripts, get, history, delete):
    sieve.add_command(command)
