"""`thurn check`: is the configuration right?"""

from __future__ import annotations

from pathlib import Path

import click

from thurn.app.application import check as check_config
from thurn.plugin.commands import config_option


@click.command()
@config_option
def check(config: tuple[Path, ...]) -> None:
    """Say all that is wrong with a configuration, by file and line."""
    plan = check_config(config)
    for warning in [] if plan.config is None else plan.config.told_at_check():
        click.echo(f"warning: {warning}", err=True)
    click.echo("The configuration is right.")
