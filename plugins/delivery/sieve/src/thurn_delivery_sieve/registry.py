"""The engine of an instance: the extensions of `thurn_sieve`, and those that the site names."""

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
"""The environment's item `name`."""


def make_engine(settings: SieveSettings, extensions: Iterable[Extension] = ()) -> Engine:
    """An engine with all shipped extensions and these, and the limits of the settings.

    Raises:
        RegistryError: two extensions declare the same thing.
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
    """The settings that extensions of the language read at run time."""
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
