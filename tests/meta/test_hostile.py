"""The table of hostile input is true: each row names tests that exist, as exactly as it can.

Rules of this file:
1. The last cell of a row holds names of tests and nothing else: `path.py::function`,
   `path.py::function[case]`, `transcripts/name.txt`, `path.svtest::title`. No whole `.py` file.
2. A function is one that pytest collects; of a case, the words stand in that file as they are.
3. A transcript is one that a `test_transcripts.py` beside its folder runs.
4. Tests that were made for the table are in it, all of them.
"""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest
from workspace import ROOT, tracked_files

PAGE = ROOT / "docs" / "explanation" / "hostile-input.md"
SHORT = {
    "wire/": "core/wire/tests/",
    "message/": "core/message/tests/",
    "language/": "core/sieve/tests/",
    "net/": "core/thurn/tests/net/",
    "gate/": "core/thurn/tests/gate/",
    "smtp/": "plugins/listener/smtp/tests/",
    "pop3/": "plugins/listener/pop3/tests/",
    "imap/": "plugins/listener/imap/tests/",
    "sieve/": "plugins/delivery/sieve/tests/",
    "sender/": "plugins/policy/sender/tests/",
    "limiter/": "plugins/login/limiter/tests/",
    "pbs/": "plugins/login/popbeforesmtp/tests/",
    "scram/": "plugins/sasl/scram/tests/",
    "dns/": "plugins/resolver/dns/tests/",
    "tlsfiles/": "plugins/tls/files/tests/",
    "e2e/": "tests/e2e/",
}
NAMES = re.compile(r"`[^`]+`(?:, `[^`]+`)*")
NAME = re.compile(r"([\w/-]+\.(?:py|txt|svtest))(?:::(?P<test>[^\[]+)(?:\[(?P<case>.+)\])?)?")
MADE_FOR_IT = re.compile(r"/tests/(?:.*/)?(?:test_hostile\w*|test_growth)\.py$")
ROWS_AT_LEAST = 150
"""It only grows."""


def rows():
    """(heading, clause, what is right, names) of each row below a heading of the catalogue."""
    heading, table = "", []
    for line in PAGE.read_text().splitlines():
        if line.startswith("## "):
            heading = line[3:]
        elif (
            heading and line.startswith("| ") and not line.startswith(("| ---", "| what is tried"))
        ):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            assert len(cells) == 3, line
            table.append((heading, *cells))
    return table


ROWS = rows()


def where(name):
    for short, path in SHORT.items():
        if name.startswith(short):
            return ROOT / path / name.removeprefix(short)
    return ROOT / name


@cache
def functions(path):
    """The tests of a file, as pytest collects them: at the top, by their names."""
    return {
        node.name
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    }


def check_name(name):
    match = NAME.fullmatch(name)
    assert match, f"{name} names no test"
    path, test, case = where(match[1]), match["test"], match["case"]
    assert path.is_file(), f"{name}: no such file"
    if path.suffix == ".txt":
        assert test is None, name
        assert path.parent.name == "transcripts", f"{name} is no transcript"
        assert '"transcripts"' in (path.parent.parent / "test_transcripts.py").read_text()
    elif path.suffix == ".svtest":
        assert f'\ntest "{test}" {{' in path.read_text(), f"{name}: no such test"
    else:
        assert test in functions(path), f"{name}: no such test"
        assert not case or case in path.read_text(), f"{name}: no such case"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}: {row[1][:50]}")
def test_what_a_row_names_is_there(row):
    _, clause, right, names = row
    assert clause
    assert right
    assert NAMES.fullmatch(names), f"{clause}: names of tests only"
    named = names.strip("`").split("`, `")
    assert len(named) == len(set(named)), f"{clause}: twice the same"
    for name in named:
        check_name(name)


def test_the_table_is_whole():
    assert len(ROWS) >= ROWS_AT_LEAST
    clauses = [(heading, clause) for heading, clause, *_ in ROWS]
    assert len(clauses) == len(set(clauses))
    assert all(f"`{short}`" in PAGE.read_text() for short in SHORT)


def test_what_was_made_for_the_table_is_in_it():
    named = {
        (where(match[1]), match["test"])
        for row in ROWS
        for name in row[3].strip("`").split("`, `")
        if (match := NAME.fullmatch(name))
    }
    made_for_page = {
        (path, test)
        for path in tracked_files()
        if MADE_FOR_IT.search(str(path)) and "meta" not in path.parts
        for test in functions(path)
    }
    transcripts = {
        (path, None)
        for path in tracked_files()
        if path.parent.name == "transcripts" and path.name.startswith("hostile-")
    }
    missing = sorted(
        f"{path.relative_to(ROOT)}::{test}" for path, test in (made_for_page | transcripts) - named
    )
    assert missing == []
