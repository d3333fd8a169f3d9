"""By which rules the scripts of accounts are judged: for a delivery, a command, a protocol alike.

The rules of an instance come with its extensions and settings (`SieveDelivery.rules`); where there
is no instance, the defaults hold.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

from thurn.plugin import ScriptCapabilities
from thurn_sieve.engine import Engine

from thurn_delivery_sieve.library import Compiled, Library
from thurn_delivery_sieve.registry import make_engine, run_settings, site_environment
from thurn_delivery_sieve.scripts import NAME_CHARACTERS
from thurn_delivery_sieve.settings import SieveSettings


@dataclass(frozen=True, slots=True)
class Rules:
    """What scripts of accounts may do.

    Attributes:
        settings: what extensions read at run time.
        environment: items that are the same for every message.
        compile: a script of an account by its octets and name; errors are in it.
        allow: what it may require; None: all there is.
    """

    engine: Engine
    settings: Mapping[str, object]
    environment: Mapping[str, str]
    compile: Callable[[bytes, str], Awaitable[Compiled]]
    allow: Collection[str] | None = None

    @property
    def capabilities(self) -> ScriptCapabilities:
        """What a protocol says of them."""
        limits = self.engine.limits
        return ScriptCapabilities(
            language="sieve",
            extensions=tuple(self.engine.registry.capabilities(self.allow)),
            redirects=limits.redirects,
            size_octets=limits.source_octets,
            name_characters=NAME_CHARACTERS,
        )


def default_rules() -> Rules:
    """Those of an instance without settings."""
    settings = SieveSettings()
    engine = make_engine(settings)

    library = Library(engine)
    return Rules(engine, run_settings(settings), site_environment("localhost"), library.find)
