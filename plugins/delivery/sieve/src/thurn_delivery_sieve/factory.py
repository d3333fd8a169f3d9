"""Makes the plugin `delivery.sieve` from its settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager

import trio
from thurn.plugin import ConfigError, Context, PluginError, plugin
from thurn_sieve.registry import Extension, RegistryError

from thurn_delivery_sieve.budget import CpuBudget
from thurn_delivery_sieve.delivery import Parts, SieveDelivery
from thurn_delivery_sieve.executor import Bounds
from thurn_delivery_sieve.library import Library
from thurn_delivery_sieve.registry import make_engine, run_settings, site_environment
from thurn_delivery_sieve.scripts import Scripts, read_global, read_site
from thurn_delivery_sieve.settings import SieveSettings
from thurn_delivery_sieve.sight import Surroundings
from thurn_delivery_sieve.zone import find_zone, machine_zone

TABLE = "sieve"
"""Name of the table of the processor time that scripts have used."""


@plugin("delivery", "sieve")
@asynccontextmanager
async def sieve(config: SieveSettings, context: Context) -> AsyncIterator[SieveDelivery]:
    """Run the scripts of accounts and of the site, which are compiled before the first message."""
    yield await trio.to_thread.run_sync(make_delivery, config, context)


def _extensions(config: SieveSettings, context: Context) -> Iterator[Extension]:
    """The extensions of the instances that the setting `extensions` names."""
    for name in config.extensions:
        product: object = context.require(object, "sieve", name)
        several = [product] if isinstance(product, Extension) else product
        if not isinstance(several, Iterable) or not all(isinstance(e, Extension) for e in several):
            raise PluginError(f"sieve.{name} does not give an Extension (thurn_sieve.registry)")
        yield from several


def make_delivery(config: SieveSettings, context: Context) -> SieveDelivery:
    """The filter of these settings.

    Raises:
        ConfigError: a script of the site cannot be read or compiled, two extensions declare the
            same thing, or the site has no shared state.
        PluginError: an instance that `extensions` names does not give an extension.
    """
    try:
        engine = make_engine(config, _extensions(config, context))
    except RegistryError as error:
        raise ConfigError([f"{context.source('extensions')}: {error}"]) from error
    library = Library(engine)
    site = read_site(library, config)
    scripts = Scripts(library, site, read_global(config), config.allow or None)
    around = Surroundings(
        environment=site_environment(context.hostname),
        settings=run_settings(config),
        scripts=scripts,
        zone=find_zone(config.zone) or machine_zone(),
        find_zone=find_zone,
    )
    budget = CpuBudget(
        context.state.table(TABLE),
        context.clock,
        seconds=config.cpu,
        window=config.cpu_window,
        pause=config.cpu_pause,
    )
    parts = Parts(
        engine=library.engine,
        scripts=scripts,
        around=around,
        budget=budget,
        bounds=Bounds(config.redirects, config.creates, config.redirect_memory),
        notify_errors=config.notify_errors,
    )
    return SieveDelivery(parts, context)
