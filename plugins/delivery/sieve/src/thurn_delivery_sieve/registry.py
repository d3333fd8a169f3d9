"""The extensions of an instance: what `thurn_sieve` ships, and what the configuration names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Final

from thurn_sieve.engine import Engine
from thurn_sieve.ext.extensions import shipped
from thurn_sieve.limits import Limits
from thurn_sieve.registry import Extension

from thurn_delivery_sieve.settings import SieveSettings

NAME: Final = "thurn"


def make_engine(settings: SieveSettings, extensions: Iterable[Extension] = ()) -> Engine:
    """The engine that these settings ask for.

    Raises:
        RegistryError: two extensions give the same thing.
    """
    registry = shipped()
    for extension in extensions:
        registry.add(extension)
    limits = Limits(
        source_octets=settings.script_size,
        steps=settings.steps,
        actions=settings.actions,
        redirects=settings.redirects,
    )
    return Engine(registry, limits=limits)


def run_settings(settings: SieveSettings) -> Mapping[str, object]:
    """What extensions read at run time."""
    return {
        "vacation.default_seconds": int(settings.vacation_default),
        "vacation.min_seconds": int(settings.vacation_min),
        "vacation.max_seconds": int(settings.vacation_max),
        "duplicate.max_seconds": int(settings.duplicate_max),
        "subaddress.separator": settings.separator,
    }


def site_environment(hostname: str) -> dict[str, str]:
    """The items of RFC 5183 §4 that are the same for every message."""
    return {
        "domain": hostname.partition(".")[2] or hostname,
        "host": hostname,
        "location": "MS",
        "phase": "during",
        "name": NAME,
        "version": metadata.version("thurn"),
    }
