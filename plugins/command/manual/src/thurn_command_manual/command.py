"""The command `thurn manual`: writes the pages where `man` looks."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import click
from thurn_kit.commands import examples
from thurn_kit.table import json_option, print_json

from thurn_command_manual.page import GENERATED, pages


@click.command(epilog=examples("thurn manual /usr/local/share/man", "man thurn-explain"))
@click.argument(
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(sys.prefix) / "share" / "man",
)
@json_option
@click.pass_context
def manual(ctx: click.Context, /, directory: Path, as_json: bool) -> None:
    """Write manual pages of all commands.

    DIRECTORY is one that `man` searches. If not given: share/man of the environment, which is one
    where the environment's bin is in PATH. Pages of commands that are gone are removed.
    """
    section = directory / "man1"
    section.mkdir(parents=True, exist_ok=True)
    root = ctx.find_root()
    made = {
        section / f"{page.name}.1": page.text
        for page in pages(root.command, "thurn", f"thurn {version('thurn')}")
    }
    for path, text in made.items():
        path.write_text(text, "ascii")
    for path in section.glob("thurn*.1"):
        if path not in made and path.read_text("utf-8", "replace").startswith(GENERATED):
            path.unlink()
    if as_json:
        print_json({"directory": directory, "written": [path.name for path in made]})
    else:
        click.echo(f"{len(made)} pages are in {section}.")
