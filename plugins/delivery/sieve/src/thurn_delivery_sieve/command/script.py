"""`thurn sieve check` and `thurn sieve run`: scripts of files, by the rules of the site if there
is one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import click
import trio
from thurn_kit.commands import examples
from thurn_message.address import Address, AddressError
from thurn_sieve.diagnostics import CompileError, Diagnostic
from thurn_sieve.engine import Engine
from thurn_sieve.script import Script

from thurn_delivery_sieve.command.output import print_json, print_table
from thurn_delivery_sieve.command.rules import rules_command
from thurn_delivery_sieve.dry import DryFacts, DryRun, dry_run
from thurn_delivery_sieve.rules import Rules

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("script", type=_file)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@rules_command
async def check(rules: Rules, script: Path, as_json: bool) -> bool:
    """Check a script; every error with its place. The exit code is 1 if there is one."""
    source = await trio.Path(script).read_bytes()
    found = (await rules.compile(source, script.stem)).diagnostics
    wrong = any(one.severity == "error" for one in found)
    if as_json:
        print_json([_as_json(one) for one in found])
    else:
        for one in found:
            click.echo(f"{script}: {one}", err=True)
        if not wrong:
            click.echo(f"{script}: this is a Sieve script")
    return not wrong


def _as_json(found: Diagnostic) -> dict[str, object]:
    return {
        "line": found.line,
        "column": found.column,
        "severity": found.severity,
        "code": found.code,
        "message": found.message,
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
    help='The envelope\'s sender; "" is the null sender.',
)
@click.option(
    "--to",
    "recipient",
    default="recipient@example.org",
    show_default=True,
    callback=_address,
    help="The envelope's recipient, whose script it is.",
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
    """Show what SCRIPT would do with MESSAGE. A file, or - for standard input; nothing is done."""
    compiled = _compile(rules.engine, script)
    facts = DryFacts(
        sender=envelope["sender"] or None,
        recipient=envelope["recipient"] or "recipient@example.org",
        now=datetime.now(UTC).astimezone(),
        mailboxes=mailboxes,
        settings=rules.settings,
        environment=rules.environment,
    )
    found = await dry_run(rules.engine, compiled, _crlf(message.read()), facts)
    if as_json:
        print_json(found.as_json())
    else:
        _print(found)
    return not found.result.errors


def _compile(engine: Engine, path: Path) -> Script:
    try:
        return engine.compile(path.read_bytes(), name=path.stem)
    except CompileError as error:
        findings = "\n".join(f"{path}: {one}" for one in error.diagnostics)
        raise click.ClickException(f"not a Sieve script\n{findings}") from None


def _crlf(octets: bytes) -> bytes:
    """A message as it travels, whatever the file's line ends are."""
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _print(found: DryRun) -> None:
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
        for row in found.rows
    ]
    print_table("What would be done", ("line", "action", "with"), rows)
    trace = found.result.trace or []
    print_table("Why", ("line", "test or command"), [(line or "", text) for line, text in trace])
    for fault in found.result.errors:
        click.echo(f"error: {fault}; the message is kept", err=True)
    for fault in found.result.warnings:
        click.echo(f"warning: {fault}", err=True)
