"""The index of RFCs is complete, and what it says is followed has code and a test."""

from __future__ import annotations

import sys

import pytest
from workspace import ROOT

sys.path.insert(0, str(ROOT / "docs" / "hooks"))

import rfcs

INDEX = rfcs.index()
SOURCES, TESTS = rfcs.citations()


def test_every_cited_rfc_is_in_the_index():
    assert set(SOURCES) | set(TESTS) <= set(INDEX)


def test_the_index_has_nothing_that_nobody_cites():
    assert set(INDEX) <= set(SOURCES) | set(TESTS)


@pytest.mark.parametrize("number", INDEX)
def test_a_row_has_a_title_and_a_status(number):
    row = INDEX[number]
    assert row["title"]
    assert row["status"] in rfcs.STATUSES
    assert set(row) <= {"title", "status", "note"}


@pytest.mark.parametrize("number", [n for n, row in INDEX.items() if row["status"] == "yes"])
def test_what_is_followed_is_cited_by_code_and_by_a_test(number):
    assert SOURCES.get(number), "no source file cites it"
    assert TESTS.get(number), "no test cites it"
