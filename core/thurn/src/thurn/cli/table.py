"""Tables for people and for programs: one function that every command uses.

Rules of this file: on a terminal a table fits its width (80 columns where the width is not
known), and cells wrap; when the output is piped, a table is tab-separated values with a line of
names; with `--json` it is a list of objects. Text that came from peers never moves the cursor of a
terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, for programs, instead of a table."
)
"""The option `--json` of every command; tests/e2e/test_json.py calls all commands with it."""


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    as_json: bool = False,
    empty: str = "",
) -> None:
    """Print rows in the form that suits their reader: see the rules of this file.

    Args:
        columns: the names of the columns: headings of a table, keys of JSON objects.
        rows: one cell for each column; None is an empty cell, or null in JSON.
        as_json: print a list of objects.
        empty: the text for people if there are no rows; it goes to standard error when piped.
    """
    kept = [list(row) for row in rows]
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in kept])
    elif not sys.stdout.isatty():
        for row in (columns, *kept):
            click.echo("\t".join(printable(cell) for cell in row))
        if empty and not kept:
            click.echo(empty, err=True)
    elif not kept:
        click.echo(empty)
    else:
        _draw(columns, kept)


def print_facts(facts: Mapping[str, object], *, as_json: bool = False) -> None:
    """Print named facts, a line each."""
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        click.echo(f"{name}\t{printable(value)}" if not sys.stdout.isatty() else _line(name, value))


def print_json(value: object, *, one_line: bool = False) -> None:
    """Print a value as JSON: a set as a sorted list, other values that JSON lacks as text."""
    indent = None if one_line else 2
    click.echo(json.dumps(value, indent=indent, default=_in_json, ensure_ascii=False))


def _in_json(value: object) -> object:
    return sorted(value) if isinstance(value, set | frozenset) else str(value)


def printable(cell: object) -> str:
    """A cell as text; each line end, tab or control character becomes a question mark."""
    text = "" if cell is None else str(cell)
    return "".join(c if c.isprintable() else "?" for c in text)


def _line(name: str, value: object) -> str:
    return f"{name + ':':<24} {printable(value)}"


def _draw(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - takes 60 ms, and programs need none of it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        cells: list[Any] = [Text(printable(cell)) for cell in row]
        table.add_row(*cells)
    Console(highlight=False).print(table)
