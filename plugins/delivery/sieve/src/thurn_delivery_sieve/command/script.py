"""`thurn sieve check` and `thurn sieve run`: scripts in files, by the rules of the site or the
defaults."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import click
import trio
from thurn_kit.commands import examples
from thurn_message.address import Address, AddressError
from thurn_sieve.diagnostics import Diagnostic
from thurn_sieve.script import Script

from thurn_delivery_sieve.command.output import print_json, print_table
from thurn_delivery_sieve.command.rules import rules_command
from thurn_delivery_sieve.dry import DryFacts, DryRun, dry_run
from thurn_delivery_sieve.rules import Rules

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("script", type=_file)
@click.option("--json", "as_json", is_flag=True, help="Print errors and warnings as JSON.")
@rules_command
async def check(rules: Rules, script: Path, as_json: bool) -> bool:
    """Check a script and print every error with its place. The exit code is 1 if there is one."""
    source = await trio.Path(script).read_bytes()
    compiled = await rules.compile(source, script.stem)
    if as_json:
        print_json([_as_json(one) for one in compiled.diagnostics])
    else:
        for one in compiled.diagnostics:
            click.echo(f"{script}: {one}", err=True)
        if compiled.script is not None:
            click.echo(f"{script}: this is a Sieve script")
    return compiled.script is not None


def _as_json(diagnostic: Diagnostic) -> dict[str, object]:
    return {
        "line": diagnostic.line,
        "column": diagnostic.column,
        "severity": diagnostic.severity,
        "code": diagnostic.code,
        "message": diagnostic.message,
    }


def _address(_: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if not value:
        return value
    try:
        return str(Address.parse(value.strip("<>")))
    except AddressError as error:
        raise click.BadParameter(f"{value}: {error.reason}") from None


@click.command(epilog=examples("thurn sieve run rules.sieve message.eml --to alice@example.org"))
@click.argument("script", type=_file)
@click.argument("message", type=click.File("rb"))
@click.option(
    "--from",
    "sender",
    default="sender@example.org",
    show_default=True,
    callback=_address,
    help='The sender of the envelope; "" is the null sender.',
)
@click.option(
    "--to",
    "recipient",
    default="recipient@example.org",
    show_default=True,
    callback=_address,
    help="The recipient of the envelope, whose script it is.",
)
@click.option("--mailbox", "mailboxes", multiple=True, help="A mailbox that exists; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@rules_command
async def run(
    rules: Rules,
    script: Path,
    message: BinaryIO,
    mailboxes: tuple[str, ...],
    as_json: bool,
    **envelope: str,
) -> bool:
    """Show what SCRIPT would do with MESSAGE, a file or - for standard input; nothing is done."""
    compiled = await _compile(rules, script)
    facts = DryFacts(
        sender=envelope["sender"] or None,
        recipient=envelope["recipient"] or "recipient@example.org",
        now=datetime.now(UTC).astimezone(),
        mailboxes=mailboxes,
        settings=rules.settings,
        environment=rules.environment,
    )
    outcome = await dry_run(rules.engine, compiled, _crlf(message.read()), facts)
    if as_json:
        print_json(outcome.as_json())
    else:
        _print(outcome)
    return not outcome.result.errors


async def _compile(rules: Rules, path: Path) -> Script:
    compiled = await rules.compile(await trio.Path(path).read_bytes(), path.stem)
    if compiled.script is None:
        lines = "\n".join(f"{path}: {one}" for one in compiled.diagnostics)
        raise click.ClickException(f"the script has errors\n{lines}")
    return compiled.script


def _crlf(octets: bytes) -> bytes:
    """The message with CRLF at its line ends, as it is sent."""
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _print(outcome: DryRun) -> None:
    rows = [
        (
            row["line"] or "",
            row["action"],
            "\n".join(
                f"{key}: {', '.join(value) if isinstance(value, list) else value}"
                for key, value in row.items()
                if key not in ("line", "action")
            ),
        )
        for row in outcome.rows
    ]
    print_table("What would be done", ("line", "action", "with"), rows)
    trace = outcome.result.trace or []
    print_table("Why", ("line", "test or command"), [(line or "", text) for line, text in trace])
    for fault in outcome.result.errors:
        click.echo(f"error: {fault}; the message is kept", err=True)
    for fault in outcome.result.warnings:
        click.echo(f"warning: {fault}", err=True)
