"""SASLprep: the examples of RFC 4013 §3, and passwords that people have."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_account_sqlite.saslprep import prepare


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("\u0007", None),
        ("\u06271", None),
        ("", None),
        ("\u00ad", None),
        ("U\u0308ber", "Über"),
        ("a\u00a0b", "a b"),
        ("\u0627b\u0628", None),
        ("\u0627\u0628", "\u0627\u0628"),
        ("\ue000", None),
        ("\U0001f600", None),  # not in Unicode 3.2
        ("\ud800", None),
        ("ü\x7f", None),
    ],
)
def test_examples(text, prepared):
    assert prepare(text) == prepared


@settings(max_examples=200)
@given(st.text(max_size=40))
def test_preparing_twice_changes_nothing(text):
    prepared = prepare(text)
    assert prepared is None or prepare(prepared) == prepared
