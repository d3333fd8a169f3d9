"""The rules for scripts of accounts, the same for a delivery, a command and a protocol.

An instance makes them from its extensions and settings (`SieveDelivery.rules`); without an
instance there are defaults.
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
    """The rules for scripts of accounts.

    Attributes:
        engine: the engine that runs them.
        settings: the settings that extensions read at run time.
        environment: the items of RFC 5183 that are the same for every message.
        compile: `(source, name) -> compiled`, compiles a script by these rules; errors are in it.
        allow: the extensions that scripts may require; None means all.
    """

    engine: Engine
    settings: Mapping[str, object]
    environment: Mapping[str, str]
    compile: Callable[[bytes, str], Awaitable[Compiled]]
    allow: Collection[str] | None = None

    @property
    def capabilities(self) -> ScriptCapabilities:
        """The extensions and limits that a protocol shows."""
        limits = self.engine.limits
        return ScriptCapabilities(
            language="sieve",
            extensions=tuple(self.engine.registry.capabilities(self.allow)),
            redirects=limits.redirects,
            size_octets=limits.source_octets,
            name_characters=NAME_CHARACTERS,
        )


def default_rules() -> Rules:
    """The rules of an instance with the default settings."""
    settings = SieveSettings()
    engine = make_engine(settings)
    library = Library(engine)
    return Rules(engine, run_settings(settings), site_environment("localhost"), library.find)
