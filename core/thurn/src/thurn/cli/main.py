"""The command `thurn`: a lazy group. Built-in commands are listed here, others are entry points of
the group "thurn.commands"; only the one that is called is imported."""

from __future__ import annotations

import importlib
from typing import Any, Final

import click

from thurn.types.errors import ThurnError

BUILT_IN: Final = ("run", "check", "config", "plugins", "explain")
"""Each in a module of its name."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, without importing anything but entry-point metadata."""
        return sorted({*BUILT_IN, *(point.name for point in _installed())})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name in BUILT_IN:
            module = importlib.import_module(f"thurn.cli.{cmd_name}")
            command: click.Command = getattr(module, cmd_name)
            return command
        for point in _installed():
            if point.name == cmd_name:
                loaded: click.Command = point.load()
                ctx.obj = _Opener()
                return loaded
        return None

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click has it
        """Run a command; what is wrong with the site is told in words, not as a traceback."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # `| head`: click ends without a word
            raise
        except (ThurnError, OSError) as error:
            raise click.ClickException(str(error).replace("\n", "\nError: ")) from error


class _Opener:
    """`SiteOpener`, imported when a command opens the site."""

    def run(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as `SiteOpener.run`
        from thurn.app.command import Opener  # noqa: PLC0415 - most commands need none of it

        return Opener().run(*args, **options)


def _installed() -> tuple[Any, ...]:
    from thurn.hooks.registry import COMMANDS, installed  # noqa: PLC0415 - `run` needs none of it

    return installed(COMMANDS)


@click.group(cls=LazyGroup)
@click.version_option(package_name="thurn")
def main() -> None:
    """A mail gateway that a site assembles from plugins."""
