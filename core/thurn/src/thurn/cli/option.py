"""The option that every command has: where the site's file is."""

from __future__ import annotations

from pathlib import Path

import click

config_option = click.option(
    "--config",
    "-c",
    "config",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    default=(Path("thurn.toml"),),
    show_default=True,
    help="The site's file; later ones are laid over earlier ones.",
)
