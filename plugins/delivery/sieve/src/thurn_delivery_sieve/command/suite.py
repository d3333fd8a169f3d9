"""`thurn sieve test`: runs tests of scripts that are written in Sieve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import trio
from thurn_sieve.diagnostics import CompileError
from thurn_sieve.engine import Engine
from thurn_sieve.testsuite.suite import make_engine, run_suite

from thurn_delivery_sieve.command.output import print_json, shown
from thurn_delivery_sieve.command.rules import rules_command
from thurn_delivery_sieve.rules import Rules

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


def _scripts(
    _: click.Context, parameter: click.Parameter, values: Sequence[str]
) -> Mapping[str, str]:
    texts: dict[str, str] = {}
    for value in values:
        name, equals, path = value.partition("=")
        if not equals:
            raise click.BadParameter(f"{value}: write NAME=FILE")
        try:
            texts[name] = Path(path).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise click.BadParameter(f"{path}: {error}") from None
    return texts


@click.command("test")
@click.argument("tests", type=_file, nargs=-1, required=True)
@click.option(
    "--script",
    "scripts",
    multiple=True,
    callback=_scripts,
    metavar="NAME=FILE",
    help='A script that the tests find by `include :personal "NAME"`; repeatable.',
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@rules_command
async def test_scripts(
    rules: Rules, tests: tuple[Path, ...], scripts: Mapping[str, str], as_json: bool
) -> bool:
    """Run files of tests in Sieve (`vnd.thurn.testsuite`). The exit code is 1 if one fails."""
    site = rules.engine
    engine = make_engine(site.registry, limits=site.limits, settings=rules.settings)
    outcome: dict[str, dict[str, str]] = {}
    for path in tests:
        outcome[str(path)] = await _run(engine, path, scripts, quiet=as_json)
    if as_json:
        print_json(outcome)
    return not any(outcome.values())


async def _run(
    engine: Engine, path: Path, scripts: Mapping[str, str], *, quiet: bool
) -> dict[str, str]:
    """The failures of one file, by the names of the tests."""
    try:
        source = await trio.Path(path).read_bytes()
        suite = await run_suite(source, name=path.name, engine=engine, scripts=scripts)
    except CompileError as error:
        lines = "\n".join(f"{path}: {one}" for one in error.diagnostics)
        raise click.ClickException(lines) from None
    if not quiet:
        for name in suite.ran:
            failure = suite.failures.get(name)
            click.echo(f"{path}: {shown(name)}: {'ok' if failure is None else shown(failure)}")
        if "" in suite.failures:
            click.echo(f"{path}: {shown(suite.failures[''])}", err=True)
    return suite.failures
