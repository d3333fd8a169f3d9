"""The output of the commands: tables on a terminal, lines with tabs in a pipe, or JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import click
from thurn_kit import table
from thurn_kit.table import print_json


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table of values as the database has them."""
    shown = [[_text(value) for value in row] for row in rows]
    table.print_table(columns, shown, empty="The list is empty.")


def print_facts(facts: dict[str, Any]) -> None:
    """Print one entry, a line for each of its facts."""
    table.print_facts({key: _text(value) for key, value in facts.items()})


def change_facts(action: str, facts: dict[str, Any]) -> list[str]:
    """The facts of a line of the history; for changed fields the old and the new value."""
    if action not in ("account.changed", "domain.changed", "alias.set"):
        given = {key: value for key, value in facts.items() if value not in (None, "", [], {})}
        return [f"{key}={_text(value)}" for key, value in given.items()]
    return [f"{key}: {_text(old)} → {_text(new)}" for key, (old, new) in facts.items()]


def say(text: str, value: object, *, as_json: bool) -> None:
    """Print the result of a command: the sentence, or the value with `--json`."""
    if as_json:
        print_json(value)
    else:
        click.echo(text)


def size(octets: int | None) -> str:
    """A size as the option `--quota` takes it; "no quota" for None."""
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
            return ", ".join(f"{key}={_text(inner)}" for key, inner in value.items()) or "-"
        case list() | tuple():
            return ", ".join(_text(inner) for inner in value) or "-"
    return str(value) or "-"


__all__ = ["change_facts", "print_facts", "print_json", "print_table", "say", "size"]
