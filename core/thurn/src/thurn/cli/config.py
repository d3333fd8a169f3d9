"""`thurn config`: shows what a configuration means."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from thurn.cli.option import config_option, examples
from thurn.cli.table import json_option, print_json, print_table
from thurn.config.files import read
from thurn.config.instances import Instance, SiteConfig, load
from thurn.config.written import as_toml
from thurn.hooks.registry import Registry

CHAINS = ("policies", "accounts", "sasl", "login", "relay", "filters", "delivery", "guards")


def _plugins(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The installed plugins whose names begin with what was typed; for the shell's completion."""
    return [name for name in Registry().names() if name.startswith(incomplete)]


@click.group()
def config() -> None:
    """Show what a configuration means."""


@config.command(epilog=examples("thurn config show > in-force.toml"))
@config_option
@json_option
def show(config: tuple[Path, ...], as_json: bool) -> None:
    """Show every setting as it is in force, defaults included, as a site's file.

    For a secret it shows only where the secret is. With --json, durations are in seconds and sizes
    in octets.
    """
    loaded = load(read(config))
    if not as_json:
        click.echo(as_toml(loaded), nl=False)
        return
    sections = {"site": loaded.site.model_dump(mode="python")}
    for instance in loaded.instances.values():
        values = {"type": instance.common.type, **instance.settings.model_dump(mode="python")}
        sections[instance.full_name] = values
    print_json(sections)


@config.command()
@config_option
@json_option
def order(config: tuple[Path, ...], as_json: bool) -> None:
    """Show every chain in the order in which it runs, and the order in which instances open."""
    loaded = load(read(config))
    rows = [("site", "opens", " > ".join(one.full_name for one in loaded.instances.values()))]
    for instance in loaded.of_role("listener"):
        rows += [(instance.full_name, *chain) for chain in _chains(instance, loaded)]
    print_table(("instance", "chain", "in this order"), rows, as_json=as_json)


@config.command(epilog=examples("thurn config schema store.spool"))
@click.argument("plugin", shell_complete=_plugins)
@json_option
def schema(plugin: str, as_json: bool) -> None:
    """Show the JSON Schema of a plugin's section; PLUGIN is `<role>.<type>`, such as store.spool.

    The output is JSON with and without --json.
    """
    registry = Registry()
    for problem in registry.load([plugin]):
        raise click.ClickException(problem)
    role, _, type_name = plugin.partition(".")
    factory = registry.get(role, type_name)
    if factory is None:
        raise click.ClickException(f"{plugin} is not installed; see `thurn plugins list`")
    print_json(factory.settings.model_json_schema())


def _chains(instance: Instance, loaded: SiteConfig) -> Iterator[tuple[str, str]]:
    """The chains of a listener and their members; the relay chain ends with the host's own rule."""
    yield "from", str(instance.source)
    for field in CHAINS:
        names = getattr(instance.settings, field, ())
        if not names and field == "accounts":
            names = loaded.site.accounts
        if field == "relay" and hasattr(instance.settings, field):
            names = (*names, "550 5.7.1 Relaying denied")
        if names:
            yield field, " > ".join(names)
