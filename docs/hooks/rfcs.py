"""The index of RFCs: which are followed, where, and what tests them.

Rules of this file: titles and statuses are in `docs/rfc/index.toml`; places come from the
citations in the files themselves (`RFC 5321 §4.1`), so that the page cannot be out of date.
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INDEX = ROOT / "docs" / "rfc" / "index.toml"
CITATION = re.compile(r"\bRFC (\d{3,5})\b")
SHOWN = 4
"""Most files that a row of the index shows; an RFC such as 9051 is cited by a hundred."""
STATUSES = ("yes", "partial", "used", "planned")

Places = Mapping[int, Mapping[str, int]]


def index() -> dict[int, dict[str, str]]:
    """Title, status and note of each RFC."""
    return {int(number): row for number, row in tomllib.loads(INDEX.read_text()).items()}


def _texts() -> Iterable[Path]:
    for folder in ("core", "plugins", "tests"):
        for suffix in ("*.py", "*.txt", "*.md", "*.svtest"):
            yield from (ROOT / folder).rglob(suffix)


def _is_test(path: Path) -> bool:
    return "tests" in path.relative_to(ROOT).parts


def citations() -> tuple[Places, Places]:
    """How often each file cites each RFC: source files, and files of tests."""
    sources: dict[int, dict[str, int]] = defaultdict(dict)
    tests: dict[int, dict[str, int]] = defaultdict(dict)
    for path in _texts():
        if not path.is_file() or ".venv" in path.parts:
            continue
        numbers = [int(number) for number in CITATION.findall(path.read_text("utf-8", "replace"))]
        cited = tests if _is_test(path) else sources
        for number in numbers:
            name = str(path.relative_to(ROOT))
            cited[number][name] = cited[number].get(name, 0) + 1
    return sources, tests


def _files(places: Mapping[str, int]) -> str:
    names = sorted(places, key=lambda name: (-places[name], name))
    shown = "<br>".join(f"`{_short(name)}`" for name in names[:SHOWN])
    more = len(names) - SHOWN
    return f"{shown}<br>and {more} more" if more > 0 else shown


def _short(name: str) -> str:
    """A path without the folders that are the same for all."""
    return re.sub(r"/src/\w+/", "/", name)


def page() -> str:
    """The page, in Markdown."""
    sources, tests = citations()
    counts = dict.fromkeys(STATUSES, 0)
    rows = []
    for number, row in sorted(index().items()):
        counts[row["status"]] += 1
        note = f"; {row['note']}" if row.get("note") else ""
        link = f"[{number}](https://www.rfc-editor.org/rfc/rfc{number})"
        places = f"{_files(sources.get(number, {}))} | {_files(tests.get(number, {}))}"
        rows.append(f"| {link} | {row['title']} | {row['status']}{note} | {places} |")
    summary = ", ".join(f"{count} {status}" for status, count in counts.items())
    return "\n".join(
        [
            "# RFCs",
            "",
            f"Every RFC that the code cites, what thurn does with it, and where: {summary}.",
            "",
            "| RFC | title | status | cited most in | tests that cite it |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )
