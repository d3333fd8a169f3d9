"""Finds the fields of a settings model that name other instances (`Annotated[str, Ref(role)]`)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any, TypeVar, get_args

from thurn.contracts.settings import Ref, Settings

S = TypeVar("S", bound=Settings)


@cache
def _fields(model: type[Settings]) -> tuple[tuple[str, str], ...]:
    """(field, role) of each reference field of a model."""
    fields: list[tuple[str, str]] = []
    for name, spec in model.model_fields.items():
        marks = [m for m in spec.metadata if isinstance(m, Ref)]
        marks += _marks(spec.annotation)
        if marks:
            fields.append((name, marks[0].role))
    return tuple(fields)


def _marks(annotation: Any) -> list[Ref]:  # noqa: ANN401 - any annotation
    """The `Ref` marks inside an annotation (tuples, unions)."""
    marks: list[Ref] = []
    pending = [annotation]
    while pending:
        current = pending.pop()
        marks += [m for m in getattr(current, "__metadata__", ()) if isinstance(m, Ref)]
        pending += [part for part in get_args(current) if part is not ...]
    return marks


def references(settings: Settings) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """(key path, role, instance name) of every instance that the settings name."""
    return references_in(type(settings), vars(settings))


def references_in(
    model: type[Settings], values: Mapping[str, Any]
) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """The same for values that the model has refused, as far as they have the right form."""
    for field, role in _fields(model):
        value = values.get(field)
        names = value if isinstance(value, list | tuple) else (value,)
        for name in names:
            if isinstance(name, str):
                yield (field,), role, name


def without(settings: S, disabled: Collection[tuple[str, str]]) -> S:
    """The same settings with disabled instances taken out of their lists."""
    changed: dict[str, Any] = {}
    for field, role in _fields(type(settings)):
        value = getattr(settings, field)
        if isinstance(value, list | tuple) and any((role, name) in disabled for name in value):
            kept = tuple(name for name in value if (role, name) not in disabled)
            changed[field] = kept if isinstance(value, tuple) else list(kept)
    return settings.model_copy(update=changed) if changed else settings
