"""The rules by which a command compiles scripts in files: the site's, or the defaults.

Rules of this file: the site is the file that `--config` names, or `thurn.toml` if it exists. Its
first instance of `delivery.sieve` is opened with all extensions that it names, as for a delivery.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

import click
import trio
from click.core import ParameterSource
from thurn_kit.commands import CommandSite, site_command

from thurn_delivery_sieve.delivery import SieveDelivery
from thurn_delivery_sieve.rules import Rules, default_rules

Work: TypeAlias = Callable[..., Awaitable[bool]]


def rules_of(site: CommandSite) -> Rules:
    """The rules of the site's first instance of `delivery.sieve`, or the defaults."""
    for _, product in site.instances("delivery"):
        if isinstance(product, SieveDelivery):
            return product.rules
    return default_rules()


def rules_command(function: Work) -> Callable[..., None]:
    """A click command that calls `function(rules, …)` and exits with 0 if that returns True."""

    async def in_site(site: CommandSite, *, ended: list[bool], **values: Any) -> None:  # noqa: ANN401
        ended.append(await function(rules_of(site), **values))

    opening = site_command("delivery")(functools.update_wrapper(in_site, function))

    @functools.wraps(opening)
    def command(config: tuple[Path, ...], **values: Any) -> None:  # noqa: ANN401 - click's own values
        source = click.get_current_context().get_parameter_source("config")
        ended: list[bool] = []
        if source == ParameterSource.DEFAULT and not any(path.exists() for path in config):
            ended.append(trio.run(functools.partial(function, default_rules(), **values)))
        else:
            opening(config=config, ended=ended, **values)
        sys.exit(0 if all(ended) else 1)

    return command
