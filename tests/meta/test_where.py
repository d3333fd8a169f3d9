"""The page "Where is …?": each name is in the file that the row links to."""

from __future__ import annotations

import re

import pytest
from workspace import ROOT

PAGE = ROOT / "docs" / "explanation" / "where.md"
ROW = re.compile(
    r"^\| (?P<behaviour>[^|]+) \| \[[^\]]+\]\((?P<target>[^)]+)\) \| `(?P<name>\w+)` \|$"
)
ROWS = [found for line in PAGE.read_text().splitlines() if (found := ROW.match(line))]


def test_the_page_has_its_rows():
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    assert len(ROWS) == len(lines) - 2, "a row that the pattern does not know"
    assert len(ROWS) >= 30


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["behaviour"])
def test_the_name_is_in_the_file(row):
    text = (PAGE.parent / row["target"]).read_text()
    assert re.search(rf"\b(?:def|class) {row['name']}\b", text)
