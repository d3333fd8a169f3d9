"""Groups of commands to which plugins add: a command is an entry point of "thurn.commands", and a
name with a dot ("plugins.new") adds it to the group before the dot.

Rules of this file: a command is imported only when it is called.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from thurn.types.errors import ThurnError

if TYPE_CHECKING:
    from importlib_metadata import EntryPoint


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called.

    Args:
        built_in: commands of the host; each is in the module of `thurn.cli` of the same name.
        below: the text before the dot in the names of this group's entry points.
    """

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - as click has it
        built_in: Sequence[str] = (),
        below: str = "",
        **options: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(*args, **options)
        self._built_in = built_in
        self._below = below

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, without importing anything but entry-point metadata."""
        return sorted({*super().list_commands(ctx), *self._built_in, *self._installed()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        command = super().get_command(ctx, cmd_name)
        if cmd_name in self._built_in:
            command = getattr(importlib.import_module(f"thurn.cli.{cmd_name}"), cmd_name)
        elif command is None and (point := self._installed().get(cmd_name)) is not None:
            ctx.obj = _Opener()
            command = _loaded(point)
        return command

    def _installed(self) -> dict[str, Any]:
        from thurn.hooks.registry import COMMANDS, installed  # noqa: PLC0415 - `run` needs none

        split = [(point.name.rpartition("."), point) for point in installed(COMMANDS)]
        return {name: point for (below, _, name), point in split if below == self._below}

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click has it
        """Run a command; report what is wrong with the site in words instead of a traceback."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # `| head`: click ends without a word
            raise
        except PermissionError as error:
            from thurn.app.access import refusal  # noqa: PLC0415 - rarely needed

            text = str(error) if error.filename is None else refusal(error.filename)
            raise click.ClickException(text) from error
        except (ThurnError, OSError) as error:
            raise click.ClickException(str(error).replace("\n", "\nError: ")) from error


def _loaded(point: EntryPoint) -> click.Command:
    """The command of an entry point. If it cannot be imported, a command that says why: a broken
    plugin must not take away the help and the completion of the others."""
    try:
        command = point.load()
        if isinstance(command, click.Command):
            return command
        problem = f"{point.value} is not a click command"
    except Exception as error:  # noqa: BLE001 - whatever the plugin does while it is imported
        problem = f"{point.value} cannot be imported: {type(error).__name__}: {error}"
    text = f"{point.dist.name} is broken: {problem}" if point.dist else problem

    def refuse(**_: object) -> None:
        raise click.ClickException(text)

    lenient = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(
        point.name, callback=refuse, help="(Broken.)", epilog=text, context_settings=lenient
    )


class _Opener:
    """`SiteOpener`, imported when a command opens the site."""

    def run(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as `SiteOpener.run`
        from thurn.app.command import Opener  # noqa: PLC0415 - most commands need none of it

        return Opener().run(*args, **options)
