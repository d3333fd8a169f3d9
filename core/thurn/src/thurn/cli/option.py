"""What commands have in common: the options that say where the site is, and examples."""

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

data_option = click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="The data directory; the site's file is not read then.",
)
"""For commands that need nothing of a site but where its data is."""


def examples(*lines: str) -> str:
    """What stands below a command's help: `@click.command(epilog=examples("thurn check"))`.

    `thurn manual` has it as EXAMPLES.

    Args:
        lines: as they are typed, one command each.
    """
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
