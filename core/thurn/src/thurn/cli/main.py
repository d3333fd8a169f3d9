"""The command `thurn`. Built-in commands are listed here, each in a module of its name; plugins
bring others."""

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
