"""What the commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table; texts are shown as they are, controls made visible."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(shown(cell)) for cell in row))
    Console().print(table)


def print_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    """One JSON document."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def shown(value: object) -> str:
    """A text for a terminal: nothing in it moves the cursor."""
    text = "" if value is None else str(value)
    return "".join(one if one.isprintable() or one == "\n" else "\ufffd" for one in text)
