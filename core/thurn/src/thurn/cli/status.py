"""`thurn status`: shows the state of a running site."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from thurn.app.controlclient import ask
from thurn.cli.option import config_option, data_option
from thurn.cli.place import data_directory
from thurn.cli.table import json_option, print_json, print_table

Row = tuple[object, ...]


@click.command()
@config_option
@data_option
@json_option
def status(config: tuple[Path, ...], data: Path | None, *, as_json: bool) -> None:
    """Show the processes, sessions, backlog, disk and instances of a running site.

    It answers even when workers hang, and names them. The exit code is 1 when something needs an
    operator.
    """
    answer = ask(data or data_directory(config), "status")
    warnings = list(find_warnings(answer))
    if as_json:
        print_json({**answer, "warnings": warnings})
    else:
        print_table(("process", "pid", "state", "sessions", "age"), _processes(answer))
        click.echo()
        print_table(("part", "fact", "value"), _facts(answer))
        for warning in warnings:
            click.echo(f"warning: {warning}", err=True)
    if warnings:
        raise SystemExit(1)


def find_warnings(answer: Mapping[str, Any]) -> Iterator[str]:
    """Sentences about everything that an operator should look at."""
    processes = answer.get("processes", {})
    if "refused" in processes:
        yield processes["refused"]
    for generation, one in _members(processes):
        if one["state"] == "does not answer":
            silent = one["silent_seconds"]
            yield f"{one['name']} of generation {generation} has not answered for {silent:g} s"
    failure = processes.get("last_failure")
    if failure:
        findings = "; ".join(failure["findings"])
        yield f"generation {failure['generation']} could not start: {findings}"
    for name, facts in answer.get("instances", {}).items():
        if facts.get("warning"):
            yield f"{name}: {facts['warning']}"


def _members(processes: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for generation in processes.get("generations", ()):
        for one in generation["processes"]:
            yield generation["number"], one


def _processes(answer: Mapping[str, Any]) -> Iterator[Row]:
    processes = answer.get("processes", {})
    yield "supervisor", processes.get("pid"), "serving", None, None
    for generation, one in _members(processes):
        name = f"{one['name']} ({generation})"
        sessions = None if one["name"] == "housekeeper" else one["sessions"]
        yield name, one["pid"], one["state"], sessions, _duration(one["age_seconds"])


def _facts(answer: Mapping[str, Any]) -> Iterator[Row]:
    log, disk = answer["log"], answer["disk"]
    yield "log", "segments to settle", log["segments"]
    yield "log", "octets to settle", _size(log["octets"])
    if log["segments"]:
        yield "log", "oldest waits for", _duration(log["oldest_seconds"])
    yield "disk", "free", f"{_size(disk['free_octets'])} of {_size(disk['total_octets'])}"
    for name, facts in answer["instances"].items():
        for fact, value in facts.items():
            if fact != "warning":
                yield name, fact.replace("_", " "), value


def _size(octets: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if octets < 1024:
            return f"{octets:.0f} {unit}" if unit == "B" else f"{octets:.1f} {unit}"
        octets /= 1024
    return f"{octets:.1f} TiB"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (rest, "s")]
    shown = [f"{count}{unit}" for count, unit in parts if count][:2]
    return " ".join(shown) or "0s"
