"""The output of the commands: tables for people, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
from thurn_kit import table
from thurn_kit.table import print_json
from thurn_kit.table import printable as shown


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; its title is printed on a terminal only."""
    if sys.stdout.isatty():
        click.echo(title)
    table.print_table(columns, rows)


__all__ = ["print_json", "print_table", "shown"]
