"""`thurn completion`: prints the script with which a shell completes the words of `thurn`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from thurn.cli.option import examples
from thurn.cli.table import json_option, print_json


@click.command(
    epilog=examples(
        "thurn completion bash > /etc/bash_completion.d/thurn",
        "thurn completion zsh > /usr/local/share/zsh/site-functions/_thurn",
        "thurn completion fish > ~/.config/fish/completions/thurn.fish",
    )
)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@json_option
@click.pass_context
def completion(ctx: click.Context, /, shell: str, as_json: bool) -> None:
    """Print the script that SHELL must read to complete commands and options with TAB.

    The script asks `thurn` itself, so it knows the commands of all installed plugins.
    """
    known = get_completion_class(shell)
    if known is None:  # click does not support this shell any more
        raise click.ClickException(f"there is no completion for {shell}")
    script = known(ctx.find_root().command, {}, "thurn", "_THURN_COMPLETE").source()
    if as_json:
        print_json({"shell": shell, "script": script})
    else:
        click.echo(script)
