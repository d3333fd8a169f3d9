"""`thurn stop`: stops a running site, as SIGTERM does."""

from __future__ import annotations

from pathlib import Path

import click

from thurn.app.controlclient import ask, wait_stopped
from thurn.cli.option import config_option, data_option
from thurn.cli.place import data_directory
from thurn.cli.table import json_option, print_json


@click.command()
@config_option
@data_option
@click.option(
    "--wait",
    "wait_seconds",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="Seconds to wait until the site has stopped; its sessions have the time of site.stop.",
)
@json_option
def stop(config: tuple[Path, ...], data: Path | None, wait_seconds: float, as_json: bool) -> None:
    """Stop a running site and wait until the last of its processes has ended."""
    directory = data or data_directory(config)
    answer = ask(directory, "stop")
    if "stopping" not in answer:
        raise click.ClickException(str(answer.get("refused", answer)))
    if not wait_stopped(directory, wait_seconds):
        text = f"process {answer['pid']} is still stopping after {wait_seconds:g} s"
        raise click.ClickException(text)
    if as_json:
        print_json({"stopped": answer["pid"]})
    else:
        click.echo("Stopped.")
