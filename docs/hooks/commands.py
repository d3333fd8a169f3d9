"""The command reference: the help of every command, as the command line prints it."""

from __future__ import annotations

from collections.abc import Iterator

import click


def command_pages() -> str:
    """Every command with its help."""
    from thurn.cli.main import main  # noqa: PLC0415 - imports click commands lazily, like the shell

    return "\n".join(_walk(main, "thurn", None))


def _walk(command: click.Command, path: str, parent: click.Context | None) -> Iterator[str]:
    context = click.Context(command, info_name=path.rpartition(" ")[2], parent=parent)
    yield f"## `{path}`\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None and not found.hidden:
                yield from _walk(found, f"{path} {name}", context)
