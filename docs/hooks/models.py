"""Turns settings models into reference tables, so that a page says what the host checks."""

from __future__ import annotations

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from thurn.contracts.settings import (
    Duration,
    Ref,
    Secret,
    SitePath,
    Size,
    written_duration,
    written_size,
)

KNOWN: tuple[tuple[object, str], ...] = (
    (Duration, "duration"), (Size, "size"), (SitePath, "path"), (Secret, "secret"),
    (str, "text"), (bytes, "text"), (bool, "true or false"), (int, "number"), (float, "number"),
    (type(None), ""), (Any, "any"),
)  # fmt: skip
"""Types that have a word of their own. They are compared with `==`, which also finds aliases."""


def table(model: type[BaseModel], *, without: tuple[type[BaseModel], ...] = ()) -> str:
    """The fields of a model as a Markdown table; tables of inner models follow it."""
    inherited = {name for base in without for name in base.model_fields}
    hints = get_type_hints(model, include_extras=True)
    lines = ["| key | values | default | meaning |", "| --- | --- | --- | --- |"]
    inner: dict[str, type[BaseModel]] = {}
    for name, field in model.model_fields.items():
        if name in inherited:
            continue
        hint = hints[name]
        cells = [f"`{field.alias or name}`", values(hint), default(hint, field), field.description]
        lines.append("| " + " | ".join(_cell(cell or "") for cell in cells) + " |")
        inner.update({found.__name__: found for found in _inner(hint)})
    if len(lines) == 2:
        return "Nothing to set besides the keys that every instance has.\n"
    parts = ["\n".join(lines) + "\n"]
    for found in inner.values():
        first = (found.__doc__ or "").strip().splitlines()[:1]
        parts.append(f"Each `{found.__name__}`: {''.join(first)}\n\n{table(found)}")
    return "\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _inner(hint: object) -> Iterator[type[BaseModel]]:
    """The models inside a type."""
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        yield hint
    for argument in get_args(hint):
        if argument is not hint:
            yield from _inner(argument)


def values(hint: object) -> str:
    """What may be written for a type, in words."""
    for alias, word in KNOWN:
        if hint == alias:
            return word
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return f"table (`{hint.__name__}`)"
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is None or not arguments:
        return getattr(hint, "__name__", str(hint)).lower()
    return _compound(origin, arguments)


def _compound(origin: object, arguments: tuple[Any, ...]) -> str:
    if origin is Annotated:
        roles = [mark.role for mark in arguments[1:] if isinstance(mark, Ref)]
        return f"`{roles[0]}` instance" if roles else values(arguments[0])
    if origin is Literal:
        return ", ".join(f'`"{word}"`' for word in arguments)
    if origin in {Union, UnionType}:
        return " or ".join(dict.fromkeys(word for word in map(values, arguments) if word))
    if origin in {tuple, list, frozenset, set}:
        inner = values(arguments[0])
        return f"list of {inner}{'s' if inner.endswith(' instance') else ''}"
    return f"table of {values(arguments[-1])}"


def default(hint: object, field: FieldInfo) -> str:
    """The default as a site's file would have it; "required" if there is none."""
    if field.is_required():
        return "required"
    if field.default is PydanticUndefined:
        return "computed" if field.default_factory not in (dict, list, tuple) else ""
    value = field.default
    if value is None or value in ((), "", frozenset()):
        return ""
    text = str(hint)
    if "_duration" in text and isinstance(value, int | float):
        return f'`"{written_duration(value)}"`'
    if "_size" in text and isinstance(value, int):
        return f'`"{written_size(value)}"`'
    return f"`{_toml(value)}`"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, frozenset):
        value = sorted(value)  # a set has no order of its own: each build the same page
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, int | float):
        return str(value)
    return f'"{value}"'
