"""What commands are made of: the option that says where the site's file is, and examples."""

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


def examples(*lines: str) -> str:
    """What stands below a command's help: `@click.command(epilog=examples("thurn check"))`.

    `thurn manual` has it as EXAMPLES.

    Args:
        lines: as they are typed, one command each.
    """
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
