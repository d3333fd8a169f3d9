"""Lists of flags. RFC 5232 §2, RFC 9051 §2.3.2."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_sieve.ext.imap4flags.flags import (
    MAX_FLAGS,
    add_flags,
    is_keyword,
    parse_flags,
    remove_flags,
)


def test_texts_hold_several_flags():
    assert parse_flags(["\\seen  $Work", "", "\\SEEN\t$work", "a b"]) == [
        "\\Seen",
        "$Work",
        "a",
        "b",
    ]


@pytest.mark.parametrize(
    "word", ["\\Recent", "\\Other", "\\", "a(b", "a%b", 'a"b', "a]b", "a{b", "a*b", "Ä", "x" * 101]
)
def test_what_is_no_flag_is_passed_over(word):
    assert parse_flags([word]) == []


@pytest.mark.parametrize("word", ["$Forwarded", "NonJunk", "a.b/c-d", "[x", "~^_`|"])
def test_keywords_are_atoms(word):
    assert is_keyword(word)


def test_add_and_remove():
    assert add_flags(["\\Seen"], ["$a \\seen", "$b"]) == ["\\Seen", "$a", "$b"]
    assert remove_flags(["\\Seen", "$A", "$b"], ["$a \\SEEN"]) == ["$b"]


@given(st.lists(st.text(max_size=20), max_size=10))
@settings(max_examples=150)
def test_lists_are_stable(texts):
    flags = parse_flags(texts)
    assert parse_flags(flags) == flags
    assert parse_flags([" ".join(flags)]) == flags
    assert remove_flags(flags, flags) == []


def test_lists_are_bounded():
    assert len(parse_flags([" ".join(f"k{number}" for number in range(1000))])) == MAX_FLAGS
