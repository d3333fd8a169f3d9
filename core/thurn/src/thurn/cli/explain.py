"""`thurn explain`: the story of a transaction, from the journal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from thurn.cli.option import config_option
from thurn.cli.place import data_directory
from thurn.telemetry.journal import find, latest


@click.command()
@config_option
@click.option("--data", type=click.Path(path_type=Path), help="The data directory, instead.")
@click.option("--json", "as_json", is_flag=True, help="The journal's record, for programs.")
@click.argument("identifier", required=False)
def explain(
    config: tuple[Path, ...], data: Path | None, identifier: str | None, *, as_json: bool
) -> None:
    """Tell what happened to a transaction; its id is in the reply. Without an id: the newest."""
    directory = (data or data_directory(config)) / "journal"
    record = find(directory, identifier) if identifier else next(iter(latest(directory, 1)), None)
    if record is None:
        raise click.ClickException(f"{directory} has no transaction {identifier or 'yet'}")
    for line in [json.dumps(record)] if as_json else story(record):
        # What peers and plugins said must not move the terminal's cursor.
        click.echo("".join(c if c.isprintable() else "?" for c in line))


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
    yield from _verdicts(record)
    if record.get("failure"):
        yield f"  failure: {record['failure']}"


def _verdicts(record: dict[str, Any]) -> Iterator[str]:
    """Who decided against it, where, and what would have to be different; each once."""
    against = [s for s in record.get("stages", []) if s["decision"] in _REFUSALS]
    by_rules = {s.get("reason") for s in against if s["stage"] != "rcpt"}
    told = set()
    for stage in against:
        reason, by, is_rcpt = stage.get("reason", ""), stage["by"], stage["stage"] == "rcpt"
        key = ("" if is_rcpt else by, reason)
        if key in told or (is_rcpt and reason in by_rules):  # a summary of what a rule said
            continue
        told.add(key)
        who = f"of <{by}>" if is_rcpt else f"by {by}, {stage.get('source', '')}"
        verb = "deferred" if stage["decision"] in _TEMPORARY else "refused"
        yield f"  {verb} at {stage['stage']} {who}"
        yield f"    would pass if {_WOULD_PASS.get(reason, f'{by} had no objection ({reason})')}"
    if not against and record.get("reason") in _WOULD_PASS:
        yield f"    would pass if {_WOULD_PASS[record['reason']]}"


_TEMPORARY: Final = ("tempfail", "blocked")
_REFUSALS: Final = ("reject", "disconnect", *_TEMPORARY)
_WOULD_PASS: Final = {
    "login.required": "the peer had logged in",
    "storage.reserve": "the disk of the data directory had more room",
    "recipient.unknown": "there were an account or alias of this address",
    "alias.dangling": "the alias led to somebody",
    "relay.denied": "a rule in the listener's `relay` list permitted it, or the domain were ours",
    "queue.missing": "the site had a queue: set site.queue",
    "directory.trouble": "the account source could be asked",
    "plugin.failed": "the plugin neither raised nor answered nonsense",
    "plugin.deadline": "the plugin answered in time",
    "plugin.suspended": "the plugin had answered in time before",
    "plugin.blocked": "the plugin did not block its worker",
    "plugin.temporary": "what the plugin needs were there",
}
"""The host's own reasons; a rule's reason is its own word."""


def _stage(stage: dict[str, Any]) -> str:
    words = [f"{stage['stage']}: {stage['by']}: {stage['decision']}"]
    for key, label in (("reason", ""), ("status", ""), ("detail", ""), ("source", "by ")):
        if stage.get(key):
            words.append(f"{label}{stage[key]}")
    if stage.get("us"):
        words.append(f"{stage['us']} us")
    return ", ".join(words)
