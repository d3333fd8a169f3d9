"""The plugin's hooks: the filter itself, and the role `sieve` for extensions of the language.

An extension of a third party is a plugin of the role `sieve` whose product is one or several
`thurn_sieve.registry.Extension`. A function makes one command or test (`thurn.plugin.sieve_test`,
`sieve_command`); everything else is declared:

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
    """Extensions of the Sieve language; a product is one `Extension` or several of them."""
    return ()


@hookimpl
def thurn_addhooks(manager: pluggy.PluginManager) -> None:
    """Declare the role `sieve`."""
    manager.add_hookspecs(sys.modules[__name__])


@hookimpl
def thurn_register_delivery() -> Iterable[Factory]:
    """The delivery filter."""
    return (sieve,)
