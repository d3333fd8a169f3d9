"""`thurn check`: reports what is wrong with a configuration."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from pwd import getpwnam

import click

from thurn.app.application import SitePlan, listener_settings
from thurn.app.application import check as check_config
from thurn.app.rights import Rights, find_rights, with_rights
from thurn.cli.option import config_option, examples
from thurn.cli.table import json_option, print_json
from thurn.config.files import KeyPath
from thurn.config.instances import SiteConfig
from thurn.types.errors import ConfigError


@click.command(
    epilog=examples(
        "thurn check && systemctl reload thurn", "thurn check -c thurn.toml -c test.toml --json"
    )
)
@config_option
@json_option
def check(config: tuple[Path, ...], as_json: bool) -> None:
    """Report everything that is wrong with a configuration, with file and line.

    Files that it names (keys, accounts) are examined with the rights of the account that will
    serve. It creates nothing and serves nothing. The exit code is 1 if something is wrong; `thurn
    run` ends with 78 then.
    """
    try:
        plan = check_config(config)
    except ConfigError as error:
        if not as_json:
            raise
        _report(list(error.findings), [], as_json=True)
        return
    rights, findings = _serving_rights(plan)
    of_files, warnings = with_rights(rights, lambda: _examine(plan))
    unusable, doubtful = _directories(plan.config) if plan.config is not None else ([], [])
    _report([*findings, *of_files, *unusable], [*warnings, *doubtful], as_json=as_json)


def _report(findings: list[str], warnings: list[str], *, as_json: bool) -> None:
    if as_json:
        print_json({"findings": findings, "warnings": warnings})
        if findings:
            click.get_current_context().exit(1)
        return
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    if findings:
        raise ConfigError(findings)
    click.echo("The configuration is right.")


def _serving_rights(plan: SitePlan) -> tuple[Rights | None, list[str]]:
    """The rights of the account that will serve, and findings about them.

    Only root can take on another account's rights; None stands for the rights of this process.
    """
    if os.geteuid() != 0:
        return None, []
    try:
        return find_rights(plan), []
    except ConfigError as error:
        return None, error.findings


def _examine(plan: SitePlan) -> tuple[list[str], list[str]]:
    """Findings and warnings of the files that the instances name."""
    return plan.config.examine() if plan.config is not None else ([], [])


def _places(config: SiteConfig) -> Iterator[tuple[KeyPath, Path]]:
    """The directories in which the server creates files, with the keys that name them."""
    yield ("site", "data"), config.site.data
    for instance in config.of_role("listener"):
        for spec in listener_settings(instance).bind:
            if spec.startswith("unix:"):
                path = Path(spec.removeprefix("unix:")).parent
                yield (instance.role, instance.name, "bind"), path


def _directories(config: SiteConfig) -> tuple[list[str], list[str]]:
    """Findings and warnings of the directories that the server needs."""
    findings: list[str] = []
    warnings: list[str] = []
    for key, path in _places(config):
        existing = next(one for one in (path, *path.parents) if one.exists())
        where = f"{config.source.where(key)}: {'.'.join(key)}"
        if not existing.is_dir():
            findings.append(f"{where}: {existing} is not a directory")
        elif existing != path and key[-1] == "bind":
            findings.append(f"{where}: {path} does not exist")
        elif not os.access(existing, os.R_OK | os.W_OK | os.X_OK):
            warnings.append(f"{where}: this account may not write in {existing}; can the server?")
        elif existing == path and key[-1] == "data" and _belongs_to_another(path, config.site.user):
            findings.append(f"{where}: {path} belongs to another account than site.user: chown it")
    return findings, warnings


def _belongs_to_another(path: Path, account: str | None) -> bool:
    """Whether a directory belongs to another account than the one that the server runs as."""
    return account is not None and path.stat().st_uid != getpwnam(account).pw_uid
