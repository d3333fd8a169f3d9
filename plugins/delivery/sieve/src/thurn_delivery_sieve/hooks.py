"""The plugin's hooks: the filter itself, and the role `sieve` for extensions of the language.

A third party's extension is a plugin of the role `sieve` whose product is a
`thurn_sieve.registry.Extension`, or several. A function makes one (`thurn.plugin.sieve_test`,
`sieve_command`); whatever else the language can take is declared:

    @plugin("sieve", "weather")
    @asynccontextmanager
    async def weather(config: WeatherSettings) -> AsyncIterator[Extension]:
        yield Extension("vnd.example.weather", commands=[...])

with `[sieve.weather]` in the site's file and `extensions = ["weather"]` here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

import pluggy
from thurn.plugin import Factory, hookimpl, hookspec

from thurn_delivery_sieve.factory import sieve


@hookspec
def thurn_register_sieve() -> Iterable[Factory]:
    """Extensions of the Sieve language; products are `Extension`, or several of them."""
    return ()


@hookimpl
def thurn_addhooks(manager: pluggy.PluginManager) -> None:
    """Declare the role `sieve`."""
    manager.add_hookspecs(sys.modules[__name__])


@hookimpl
def thurn_register_delivery() -> Iterable[Factory]:
    """The filter."""
    return (sieve,)
