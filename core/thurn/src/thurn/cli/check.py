"""`thurn check`: is the configuration right?"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from thurn.app.application import check as check_config
from thurn.plugin.commands import config_option
from thurn.types.errors import ConfigError


@click.command()
@config_option
def check(config: tuple[Path, ...]) -> None:
    """Check a configuration; says everything that is wrong, with file and line."""
    try:
        plan = check_config(config)
    except ConfigError as error:
        for finding in error.findings:
            click.echo(finding, err=True)
        click.echo(f"{len(error.findings)} finding(s); nothing was started", err=True)
        sys.exit(1)
    for warning in plan.config.warnings if plan.config is not None else ():
        click.echo(f"warning: {warning}", err=True)
    click.echo("The configuration is right.")
