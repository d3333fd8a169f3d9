"""Finds a site's data directory, for commands that need nothing else of its configuration."""

from __future__ import annotations

from pathlib import Path

import click

from thurn.config.files import read
from thurn.types.errors import ConfigError


def data_directory(config: tuple[Path, ...]) -> Path:
    """The data directory that a site's file names; the rest of the file may be wrong.

    Raises:
        click.ClickException: the file cannot be read.
    """
    try:
        source = read(config)
    except ConfigError as error:
        raise click.ClickException(f"{error}; name the site's file (--config) or --data") from error
    section = source.tables.get("site")
    name = section.get("data", "data") if isinstance(section, dict) else "data"
    return source.base(("site", "data")) / str(name)
