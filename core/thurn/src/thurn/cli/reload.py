"""`thurn reload`: a running site takes over its changed configuration, plugins and code."""

from __future__ import annotations

from pathlib import Path

import click

from thurn.app.controlclient import ask
from thurn.cli.option import config_option, data_option
from thurn.cli.place import data_directory
from thurn.cli.table import json_option, print_json
from thurn.types.errors import ConfigError


@click.command()
@config_option
@data_option
@json_option
def reload(config: tuple[Path, ...], data: Path | None, as_json: bool) -> None:
    """Start a new generation of processes beside the old one, and wait until it serves.

    A generation that cannot start changes nothing, and its findings are printed.
    """
    answer = ask(data or data_directory(config), "reload")
    if "failed" in answer:
        raise ConfigError(answer["failed"])
    if "ready" not in answer:
        raise click.ClickException(str(answer.get("refused", answer)))
    if as_json:
        print_json({"ready": answer["ready"]})
    else:
        click.echo(f"Generation {answer['ready']} serves.")
