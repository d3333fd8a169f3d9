"""Reads a site's configuration file and merges overlays into it.

Rules of this file: tables are merged, and everything else is replaced. In a list of an overlay,
"..." stands for the list in the files below it, so that a list can be extended at both ends. Each
text keeps the directory of the file that it stands in (`PlacedText`), because relative paths start
there, whichever file sets the keys beside it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from thurn.config.positions import key_lines, line_of
from thurn.contracts.settings import PlacedText
from thurn.types.errors import ConfigError

KeyPath = tuple[str, ...]
BELOW: Final = "..."
"""The item of an overlay's list that stands for all items in the files below."""


@dataclass(frozen=True, slots=True)
class Source:
    """The merged tables, and for each key the file that set it last."""

    tables: dict[str, Any]
    paths: tuple[Path, ...]
    _lines: tuple[dict[KeyPath, int], ...]
    _setters: dict[KeyPath, int] = field(default_factory=dict)

    def where(self, path: KeyPath) -> str:
        """`file:line` of a key or of its nearest ancestor."""
        index = self._setter(path)
        return f"{self.paths[index]}:{line_of(self._lines[index], path)}"

    def base(self, path: KeyPath) -> Path:
        """The directory at which relative paths of this key start."""
        return self.paths[self._setter(path)].parent

    def _setter(self, path: KeyPath) -> int:
        while path and path not in self._setters:
            path = path[:-1]
        return self._setters.get(path, 0)


def read(paths: Sequence[Path]) -> Source:
    """Read a site's file and its overlays; a later file goes over the earlier ones.

    Raises:
        ConfigError: a file cannot be read or is not TOML; the text has its line.
    """
    merged: dict[str, Any] = {}
    setters: dict[KeyPath, int] = {}
    lines: list[dict[KeyPath, int]] = []
    findings: list[str] = []
    resolved = tuple(path.resolve() for path in paths)
    for index, path in enumerate(resolved):
        try:
            text = path.read_text("utf-8")
            table = tomllib.loads(text)
        except OSError as error:
            findings.append(f"{path}: cannot be read: {error.strerror}")
            continue
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            # Python 3.11 says the line in the text alone.
            line = re.search(r"\(at line (\d+),", str(error))
            findings.append(f"{path}:{line[1] if line else 1}: not TOML: {error}")
            continue
        lines.append(key_lines(text))
        _merge(merged, _placed(table, path.parent), (), index, setters)
    if findings:
        raise ConfigError(findings)
    return Source(merged, resolved, tuple(lines), setters)


def of_tables(tables: Mapping[str, Any], base: Path) -> Source:
    """A source that no file has, for tests and the demo."""
    return Source(dict(tables), (base / "(given)",), ({(): 0},), {})


def _merge(
    target: dict[str, Any],
    overlay: Mapping[str, Any],
    path: KeyPath,
    index: int,
    setters: dict[KeyPath, int],
) -> None:
    pending = [(target, overlay, path)]
    while pending:
        below, above, prefix = pending.pop()
        for key, value in above.items():
            here = (*prefix, key)
            setters[here] = index
            if isinstance(value, dict) and isinstance(below.get(key), dict):
                pending.append((below[key], value, here))
            elif isinstance(value, dict):
                below[key] = {}
                pending.append((below[key], value, here))
            elif isinstance(value, list) and BELOW in value:
                below[key] = _extended(value, below.get(key))
            else:
                below[key] = value


def _placed(value: Any, base: Path) -> Any:  # noqa: ANN401 - whatever TOML has
    """The same value, with the directory of its file at each text. tomllib bounds its depth."""
    if isinstance(value, str):
        return PlacedText.at(value, base)
    if isinstance(value, list):
        return [_placed(one, base) for one in value]
    if isinstance(value, dict):
        return {key: _placed(one, base) for key, one in value.items()}
    return value


def _extended(values: list[Any], below: Any) -> list[Any]:  # noqa: ANN401 - whatever TOML has
    known = below if isinstance(below, list) else []
    position = values.index(BELOW)
    return [*values[:position], *known, *values[position + 1 :]]
