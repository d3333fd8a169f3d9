"""What commands say: tables on a terminal, lines with tabs elsewhere, JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import click
from thurn_kit import table
from thurn_kit.table import print_json


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table whose cells are values as the database has them."""
    shown = [[_text(value) for value in row] for row in rows]
    table.print_table(columns, shown, empty="there are none")


def print_facts(facts: dict[str, Any]) -> None:
    """One thing, a line for each of its facts."""
    table.print_facts({key: _text(value) for key, value in facts.items()})


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
            return ", ".join(f"{key}={_text(inner)}" for key, inner in value.items()) or "-"
        case list() | tuple():
            return ", ".join(_text(inner) for inner in value) or "-"
    return str(value) or "-"


__all__ = ["change_facts", "print_facts", "print_json", "print_table", "say", "size"]
