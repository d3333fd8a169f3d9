"""The options and the texts that commands share: where the site is, and examples."""

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
    help="The site's file. Given several times: later files override earlier ones.",
)

data_option = click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="The data directory. With it, the site's file is not read.",
)
"""The option of commands that need only the data directory of a site."""


def examples(*lines: str) -> str:
    """The text below a command's help: `@click.command(epilog=examples("thurn check"))`.

    `thurn manual` shows it in the section EXAMPLES.

    Args:
        lines: one command each, as it is typed.
    """
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
