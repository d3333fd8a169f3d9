"""Reads the TOML form; searches the lines of tables and keys only for mistakes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from thurn_account_file.document import AccountsDocument, BrokenFile, Place, Reading, finding


def read_toml(text: str) -> Reading:
    """The document that a text contains.

    Raises:
        BrokenFile: the text is not TOML, or has unknown keys or wrong values.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        last = text.count("\n") + 1 if "end of document" in str(error) else 0
        raise BrokenFile([finding(last, str(error))]) from None  # other messages have the line
    try:
        document = AccountsDocument.model_validate(tables)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
        raise BrokenFile([_finding(text, detail) for detail in details]) from None
    return Reading(document, lambda place: find_line(text, place))


def _finding(text: str, detail: Mapping[str, Any]) -> str:
    place = tuple(str(part) for part in detail["loc"])
    return finding(find_line(text, place), f"{'.'.join(place)}: {detail['msg']}")


def find_line(text: str, place: Place) -> int:
    """The line where a table or key begins.

    If it cannot be found, the line of the nearest table above it, else 0.
    """
    line = 0
    start = 0
    for depth in range(len(place), 0, -1):
        name = r"[ \t]*\.[ \t]*".join(_spelled(part) for part in place[:depth])
        header = re.search(rf"^[ \t]*\[[ \t]*{name}[ \t]*\]", text, re.MULTILINE)
        if header is not None:
            start = header.end()
            line = _line_at(text, header.end())
            break
    else:
        depth = 0
    if depth < len(place):
        end = re.compile(r"^[ \t]*\[", re.MULTILINE).search(text, start)
        key = re.compile(rf"^[ \t]*{_spelled(place[depth])}[ \t]*[=.]", re.MULTILINE)
        key_match = key.search(text, start, end.start() if end else len(text))
        if key_match is not None:
            line = _line_at(text, key_match.end())
    return line


def _spelled(key: str) -> str:
    """A pattern for a key with or without quotes."""
    return rf"""["']?{re.escape(key)}["']?"""


def _line_at(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
