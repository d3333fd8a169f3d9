"""What commands say: tables on a terminal, lines with tabs elsewhere, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click


def print_json(value: object) -> None:
    """A value for a program."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table for people, or a line with tabs for each row where nobody looks."""
    shown = [[_text(value) for value in row] for row in rows]
    if not sys.stdout.isatty():
        for row in shown:
            click.echo("\t".join(row))
        return
    if not shown:
        click.echo("there are none")
        return
    from rich.console import Console  # noqa: PLC0415 - 100 ms, and only a terminal needs it
    from rich.table import Table  # noqa: PLC0415

    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in shown:
        table.add_row(*(_plain(cell) for cell in row))
    Console().print(table)


def print_facts(facts: dict[str, Any]) -> None:
    """One thing, a line for each of its facts."""
    width = max(len(key) for key in facts)
    for key, value in facts.items():
        click.echo(f"{key:{width}}  {_text(value)}".rstrip())


def change_facts(action: str, facts: dict[str, Any]) -> list[str]:
    """The facts of a line of history: what is now, and what was before where something changed."""
    if action not in ("account.changed", "domain.changed", "alias.set"):
        said = {key: value for key, value in facts.items() if value not in (None, "", [], {})}
        return [f"{key}={_text(value)}" for key, value in said.items()]
    return [f"{key}: {_text(old)} → {_text(new)}" for key, (old, new) in facts.items()]


def say(text: str, value: object, *, as_json: bool) -> None:
    """What was done: a sentence, or the value."""
    if as_json:
        print_json(value)
    else:
        click.echo(text)


def size(octets: int | None) -> str:
    """A size as the options take it."""
    if octets is None:
        return "no quota"
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        factor = 2 ** (10 * ("KiB", "MiB", "GiB", "TiB").index(unit) + 10)
        if octets and octets % factor == 0:
            return f"{octets // factor}{unit}"
    return f"{octets}B"


def _text(value: Any) -> str:  # noqa: ANN401 - a value of JSON
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case dict():
            text = ", ".join(f"{key}={_text(inner)}" for key, inner in value.items()) or "-"
        case list() | tuple():
            text = ", ".join(_text(inner) for inner in value) or "-"
        case _:
            text = str(value) or "-"
    # What was stored has no controls; what shows it does not rely on that.
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _plain(cell: str) -> str:
    from rich.markup import escape  # noqa: PLC0415

    return escape(cell)
