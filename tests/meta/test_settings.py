"""Every setting is described, for the reference pages are made of the descriptions."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib import import_module

from pydantic import BaseModel
from workspace import members


@cache
def models() -> tuple[type[BaseModel], ...]:
    """Every model of the host and of the plugins."""
    return tuple(_models())


def _models() -> Iterator[type[BaseModel]]:
    seen = set()
    for member in members():
        if member.module in {"thurn_message", "thurn_wire", "thurn_sieve", "thurn_testing"}:
            continue
        package = import_module(member.module)
        for found in pkgutil.walk_packages(package.__path__, f"{member.module}."):
            if found.name.endswith(".__main__"):
                continue
            for value in vars(import_module(found.name)).values():
                if isinstance(value, type) and issubclass(value, BaseModel) and value not in seen:
                    seen.add(value)
                    if value.__module__.partition(".")[0] == member.module:
                        yield value


def test_every_field_has_a_description_that_is_a_sentence():
    missing = [
        f"{model.__module__}.{model.__qualname__}.{name}"
        for model in models()
        for name, field in model.model_fields.items()
        if not (field.description or "").rstrip().endswith((".", "!"))
    ]
    assert not missing


def test_unknown_keys_are_refused_and_values_stay():
    for model in models():
        assert model.model_config.get("extra") == "forbid", model
        assert model.model_config.get("frozen") is True, model


def test_every_model_says_what_it_is():
    assert not [model for model in models() if not model.__doc__]
