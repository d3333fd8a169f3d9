"""The command `thurn`. Each built-in command has a module of its name in `thurn.cli`; plugins add
further commands."""

from __future__ import annotations

from typing import Final

import click

from thurn.cli.lazy import LazyGroup

BUILT_IN: Final = (
    "run",
    "status",
    "reload",
    "stop",
    "check",
    "config",
    "plugins",
    "explain",
    "completion",
)


@click.group(cls=LazyGroup, built_in=BUILT_IN)
@click.version_option(package_name="thurn")
def main() -> None:
    """A mail gateway that a site assembles from plugins."""
