"""`environment`: facts about the place where the script runs. RFC 5183 §4.

An item comes from the context, or else from the extension that declares it if the script requires
that extension.
"""

from __future__ import annotations

from typing import Final

from thurn_sieve.registry import Command, Extension
from thurn_sieve.runtime import Args, Runtime

PRODUCT: Final = "thurn"
"""The item `name`, unless the context has another value."""


def find_item(rt: Runtime, name: str) -> str | None:
    """The value of an item, or None if there is no such item."""
    item = rt.context.environment.get(name)
    if item is not None:
        return item() if callable(item) else item
    entry = rt.engine.registry.environment.get(name)
    if entry is not None and rt.enabled(entry.extension):
        value: str | None = entry.thing(rt)
        return value
    return None


def _environment(rt: Runtime, args: Args) -> bool:
    value = find_item(rt, args.text(0).lower())
    if value is None:
        # RFC 5183 §4: the test must be false, without an error, if the item does not exist.
        return False
    values = [value] if value or not args.match.counts else []
    return args.match.test(rt, values, args[1])


def _product(rt: Runtime) -> str | None:
    return PRODUCT


EXTENSION: Final = Extension(
    "environment",
    commands=(
        Command("environment", ("match", "string", "string-list"), kind="test", run=_environment),
    ),
    environment={"name": _product},
)
