"""`thurn sieve test`: tests of scripts, written in Sieve beside the scripts."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import click
import trio
from thurn_sieve.diagnostics import CompileError
from thurn_sieve.testsuite.suite import run_suite

from thurn_delivery_sieve.command.output import print_json, shown

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


def _scripts(
    _: click.Context, parameter: click.Parameter, values: Sequence[str]
) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for value in values:
        name, equals, path = value.partition("=")
        if not equals:
            raise click.BadParameter(f"{value}: write NAME=FILE")
        try:
            found[name] = Path(path).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise click.BadParameter(f"{path}: {error}") from None
    return found


@click.command("test")
@click.argument("tests", type=_file, nargs=-1, required=True)
@click.option(
    "--script", "scripts", multiple=True, callback=_scripts, metavar="NAME=FILE",
    help='A script that the tests find by `include :personal "NAME"`; repeatable.',
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def test_scripts(tests: tuple[Path, ...], scripts: Mapping[str, str], as_json: bool) -> None:
    """Run files of tests written in Sieve (`vnd.thurn.testsuite`); exit code 1 if one fails."""
    outcome: dict[str, dict[str, str]] = {}
    for path in tests:
        outcome[str(path)] = _run(path, scripts, quiet=as_json)
    if as_json:
        print_json(outcome)
    sys.exit(1 if any(outcome.values()) else 0)


def _run(path: Path, scripts: Mapping[str, str], *, quiet: bool) -> dict[str, str]:
    """The failures of one file, by the names of the tests."""
    try:
        work = partial(run_suite, path.read_bytes(), name=path.name, scripts=scripts)
        suite = trio.run(work)
    except CompileError as error:
        findings = "\n".join(f"{path}: {one}" for one in error.diagnostics)
        raise click.ClickException(findings) from None
    if not quiet:
        for name in suite.ran:
            failure = suite.failures.get(name)
            click.echo(f"{path}: {shown(name)}: {'ok' if failure is None else shown(failure)}")
        if "" in suite.failures:
            click.echo(f"{path}: {shown(suite.failures[''])}", err=True)
    return suite.failures
