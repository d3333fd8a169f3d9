"""A checked configuration, written as a site's file: every setting as it is in force.

Rules of this file: loading what it writes gives the same site. A secret is written as where it is,
never as what it is; a path is absolute; what has no value is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from thurn.config.instances import SiteConfig
from thurn.contracts.settings import Settings

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")


def as_toml(config: SiteConfig) -> str:
    """The site's file that the configuration amounts to."""
    sections = [_section("site", _values(config.site))]
    for instance in config.instances.values():
        common = instance.common.model_dump(mode="json", exclude_defaults=True)
        section = f"{_key(instance.role)}.{_key(instance.name)}"
        sections.append(_section(section, {**common, **_values(instance.settings)}))
    return "\n".join(sections)


def _values(settings: Settings) -> dict[str, Any]:
    """The settings as text, numbers, lists and tables; sets, which have no order, are sorted."""
    in_force = settings.model_dump(mode="json", by_alias=True, exclude_none=True, fallback=str)
    for name, value in vars(settings).items():
        if isinstance(value, set | frozenset):
            key = type(settings).model_fields[name].alias or name
            in_force[key] = sorted(in_force[key])
    return in_force


def _section(name: str, values: Mapping[str, Any]) -> str:
    lines = [f"[{name}]\n"]
    lines += [f"{_key(key)} = {_value(value)}\n" for key, value in values.items()]
    return "".join(lines)


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _text(key)


def _value(value: Any) -> str:  # noqa: ANN401 - whatever a settings model holds
    if isinstance(value, Mapping):
        pairs = (f"{_key(key)} = {_value(one)}" for key, one in value.items() if one is not None)
        return "{ " + ", ".join(pairs) + " }" if value else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, int | float) else _text(str(value))


def _text(text: str) -> str:
    """A basic string. What JSON escapes TOML escapes alike, and one character more."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
