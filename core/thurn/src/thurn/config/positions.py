"""The line of each key of a TOML file, because tomllib and pydantic know no lines.

This only looks at the beginnings of lines and is no second parser: tomllib has read the file
before, so it is well-formed. It knows headers of tables, dotted and quoted keys, strings and arrays
of several lines, and the keys of an inline table that begins on the line of its own key.
"""

from __future__ import annotations

import re
from typing import Final

Path = tuple[str, ...]

_HEAD: Final = re.compile(r"\s*(\[\[?)([^\]]+)\]")
_KEY: Final = re.compile(
    r"""\s*((?:[\w-]+|"[^"\n]*"|'[^'\n]*')(?:\s*\.\s*(?:[\w-]+|"[^"\n]*"|'[^'\n]*'))*)\s*="""
)
_PART: Final = re.compile(r"""[\w-]+|"[^"\n]*"|'[^'\n]*'""")
_TOKEN: Final = re.compile(r'"""|\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#|[\[\]{}]')


def key_lines(text: str) -> dict[Path, int]:
    """The line number (from 1) of every table and key, by path. The elements of an array of
    tables are "0", "1" and so on in the path."""
    lines: dict[Path, int] = {(): 1}
    table: Path = ()
    counts: dict[Path, int] = {}
    inside, depth = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        position = 0
        if not inside and depth == 0:
            head, key = _HEAD.match(line), _KEY.match(line)
            if head:
                table = _parts(head[2])
                if head[1] == "[[":
                    counts[table] = counts.get(table, -1) + 1
                    table = (*table, str(counts[table]))
                _note(lines, table, number)
                continue
            if key:
                current = (*table, *_parts(key[1]))
                _note(lines, current, number)
                position = key.end()
                _inner(lines, current, line[position:], number)
        inside, depth = _advance(line, position, inside, depth)
    return lines


def line_of(lines: dict[Path, int], path: Path) -> int:
    """The line of a path, or of its nearest ancestor that has one."""
    while path not in lines:
        path = path[:-1]
    return lines[path]


def _parts(text: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(text))


def _note(lines: dict[Path, int], path: Path, number: int) -> None:
    for length in range(1, len(path) + 1):
        lines.setdefault(path[:length], number)


def _inner(lines: dict[Path, int], path: Path, rest: str, number: int) -> None:
    """Keys of an inline table that starts on this line."""
    if rest.lstrip().startswith("{"):
        for match in re.finditer(r"[{,]\s*([\w-]+)\s*=", rest):
            lines.setdefault((*path, match[1]), number)


def _advance(line: str, position: int, inside: str, depth: int) -> tuple[str, int]:
    """Whether the next line is inside a string of several lines (its quotes), and how many brackets
    are open."""
    while True:
        if inside:
            end = line.find(inside, position)
            if end < 0:
                return inside, depth
            position, inside = end + 3, ""
        match = _TOKEN.search(line, position)
        if match is None or match[0] == "#":
            return "", depth
        position = match.end()
        if match[0] in ('"""', "'''"):
            inside = match[0]
        elif match[0] in "[{":
            depth += 1
        elif match[0] in "]}":
            depth -= 1
