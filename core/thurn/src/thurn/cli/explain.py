"""`thurn explain`: what happened to a transaction, from the journal."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from thurn.app.access import denied
from thurn.cli.accounts import names_of
from thurn.cli.option import config_option, data_option, examples
from thurn.cli.place import data_directory
from thurn.cli.search import LISTED, Wanted, moment
from thurn.cli.table import json_option, print_table, printable
from thurn.telemetry.journal import find, latest, search


@click.command(
    epilog=examples(
        "thurn explain",
        "thurn explain 0f7y2c9m6a0q3zv",
        "thurn explain --to alice@example.org --since 2h",
        'thurn explain --from "<>" --last 5 --json',
    )
)
@config_option
@data_option
@click.option(
    "--from", "sender", help='List transactions of this sender: ADDRESS, @DOMAIN or "<>".'
)
@click.option("--to", "recipient", help="List transactions for this recipient: ADDRESS or @DOMAIN.")
@click.option(
    "--since",
    metavar="TIME|DURATION",
    help="List transactions since a time (UTC), or of the last DURATION.",
)
@click.option(
    "--last",
    type=click.IntRange(1, 100_000),
    help=f"List at most this many, the newest; {LISTED} if only other options ask for a list.",
)
@json_option
@click.argument("identifier", required=False)
def explain(  # noqa: PLR0913, PLR0917 - click passes options by name
    config: tuple[Path, ...],
    data: Path | None,
    sender: str | None,
    recipient: str | None,
    since: str | None,
    last: int | None,
    identifier: str | None,
    as_json: bool,
) -> None:
    """Show what happened to a transaction; its id is in the reply. Without an id: the newest.

    With --from, --to, --since or --last: list the transactions that match, oldest first.
    """
    directory = (data or data_directory(config)) / "journal"
    if (refused := denied(directory)) is not None:
        raise click.ClickException(refused)
    if any(option is not None for option in (sender, recipient, since, last)):
        if identifier is not None:
            raise click.UsageError("give an id, or say what to look for, not both")
        earliest = 0.0 if since is None else moment(since, time.time())
        wanted = Wanted(sender, recipient)
        records = search(directory, wanted.matches, last or LISTED, earliest)
        _list(records, as_json=as_json)
        return
    record = find(directory, identifier) if identifier else next(iter(latest(directory, 1)), None)
    if record is None:
        raise click.ClickException(f"{directory} has no transaction {identifier or 'yet'}")
    if as_json:
        click.echo(json.dumps(record))
        return
    for line in story(record, names_of(config, accounts_in(record)) if data is None else {}):
        click.echo(printable(line))


def _list(records: list[dict[str, Any]], *, as_json: bool) -> None:
    rows = [
        (
            record["id"],
            _time(record, "seconds"),
            f"<{record.get('sender', '')}>",
            ", ".join(record.get("recipients", [])),
            record.get("outcome", "under way"),
        )
        for record in records
    ]
    columns = ("id", "time", "from", "to", "outcome")
    print_table(columns, rows, as_json=as_json, empty="The journal has no such transaction.")


def _time(record: dict[str, Any], precision: str) -> str:
    when = datetime.fromtimestamp(record.get("time", 0), UTC).replace(tzinfo=None)
    return when.isoformat(timespec=precision) + "Z"


def accounts_in(record: dict[str, Any]) -> set[str]:
    """The ids of the accounts that a record names."""
    stages = record.get("stages", [])
    filed = {stage["by"] for stage in stages if stage["stage"] == "delivery"}
    return {one for one in (record.get("account"), *filed) if one}


def story(record: dict[str, Any], names: Mapping[str, str] | None = None) -> Iterator[str]:
    """A record in sentences, one line each.

    Args:
        record: of the journal.
        names: the primary address of each account, by the account's id; ids without one are
            shown as they are.
    """
    names = names or {}
    listener, account = record.get("listener", "?"), record.get("account")
    yield f"{record['id']} at {_time(record, 'milliseconds')}, listener {listener}"
    account = f", logged in as {_named(account, names)}" if account else ""
    yield f"  from {record.get('peer', '?')} ({record.get('hello', '')}){account}"
    yield f"  sender <{record.get('sender', '')}>"
    for recipient in record.get("recipients", []):
        yield f"  recipient <{recipient}>"
    for stage in record.get("stages", []):
        yield "  " + _stage(stage, names)
    reason = f" ({record['reason']})" if record.get("reason") else ""
    yield f"  {record.get('outcome', 'under way')}: {record.get('status', '')}{reason}"
    yield from _verdicts(record)
    if record.get("failure"):
        yield f"  failure: {record['failure']}"


def _verdicts(record: dict[str, Any]) -> Iterator[str]:
    """Who decided against the transaction, at which stage, and what would make it pass; each once.

    An `outgoing` stage that could not decide about a message that was accepted is "pending": the
    peer was answered 250, and the stage is asked again later.
    """
    is_accepted = record.get("outcome") in ("stored", "queued", "discarded")
    against = [s for s in record.get("stages", []) if s["decision"] in _REFUSALS]
    by_rules = {s.get("reason") for s in against if s["stage"] != "rcpt"}
    reported = set()
    for stage in against:
        reason, by, is_rcpt = stage.get("reason", ""), stage["by"], stage["stage"] == "rcpt"
        key = ("" if is_rcpt else by, reason)
        if key in reported or (is_rcpt and reason in by_rules):  # a summary of what a rule said
            continue
        reported.add(key)
        who = f"of <{by}>" if is_rcpt else f"by {by}, {stage.get('source', '')}"
        verb = "deferred" if stage["decision"] in _TEMPORARY else "refused"
        if is_accepted and stage["stage"] == "outgoing":
            verb = "pending"
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
"""What would make a transaction pass, for each of the host's own reasons. Other reasons are a
rule's own words."""


def _named(account: str, names: Mapping[str, str]) -> str:
    """An account's name, with its id if that is different."""
    name = names.get(account, account)
    return name if name == account else f"{name} ({account})"


def _stage(stage: dict[str, Any], names: Mapping[str, str]) -> str:
    by = _named(stage["by"], names) if stage["stage"] == "delivery" else stage["by"]
    words = [f"{stage['stage']}: {by}: {stage['decision']}"]
    for key, label in (("reason", ""), ("status", ""), ("detail", ""), ("source", "by ")):
        if stage.get(key):
            words.append(f"{label}{stage[key]}")
    if stage.get("us"):
        words.append(f"{stage['us']} us")
    return ", ".join(words)
