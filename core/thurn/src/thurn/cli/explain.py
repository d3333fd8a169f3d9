"""`thurn explain`: the story of a transaction, from the journal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from thurn.cli.options import config_option
from thurn.config.files import read
from thurn.telemetry.journal import find, latest


@click.command()
@config_option
@click.option("--data", type=click.Path(path_type=Path), help="The data directory, instead.")
@click.argument("identifier", required=False)
def explain(config: tuple[Path, ...], data: Path | None, identifier: str | None) -> None:
    """Tell what happened to a transaction; its id is in the reply. Without an id: the newest."""
    directory = (data or _data(config)) / "journal"
    record = find(directory, identifier) if identifier else next(iter(latest(directory, 1)), None)
    if record is None:
        raise click.ClickException(f"the journal in {directory} has no such transaction")
    for line in story(record):
        click.echo(line)


def _data(config: tuple[Path, ...]) -> Path:
    source = read(config)
    site = source.tables.get("site", {})
    return source.base(("site", "data")) / str(site.get("data", "data"))


def story(record: dict[str, Any]) -> Iterator[str]:
    """A record in sentences, one line each."""
    when = datetime.fromtimestamp(record.get("time", 0), UTC).isoformat(timespec="milliseconds")
    yield f"{record['id']} at {when}, listener {record.get('listener', '?')}"
    account = f", logged in as {record['account']}" if record.get("account") else ""
    yield f"  from {record.get('peer', '?')} ({record.get('hello', '')}){account}"
    yield f"  sender <{record.get('sender', '')}>"
    for recipient in record.get("recipients", []):
        yield f"  recipient <{recipient}>"
    for stage in record.get("stages", []):
        yield "  " + _stage(stage)
    reason = f" ({record['reason']})" if record.get("reason") else ""
    yield f"  {record.get('outcome', 'under way')}: {record.get('status', '')}{reason}"
    if record.get("failure"):
        yield f"  failure: {record['failure']}"


def _stage(stage: dict[str, Any]) -> str:
    words = [f"{stage['stage']}: {stage['by']}: {stage['decision']}"]
    for key, label in (("reason", ""), ("status", ""), ("detail", ""), ("source", "by ")):
        if stage.get(key):
            words.append(f"{label}{stage[key]}")
    if stage.get("us"):
        words.append(f"{stage['us']} us")
    return ", ".join(words)
