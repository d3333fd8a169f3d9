"""Edits of headers. RFC 5293."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_message.encodedword import decode_words
from thurn_message.scanner import scan
from thurn_sieve.ext.editheader.edit import (
    append_field,
    is_field_name,
    matching_fields,
    without_fields,
    write_field,
)

MESSAGE = scan(b"A: 1\r\nB: x\r\na: 2\r\n folded\r\nA: 3\r\n\r\nbody A: 4\r\n")


def test_a_field_is_written_on_one_line():
    assert write_field("X-Note", "one\r\n two") == b"X-Note: one two\r\n"
    assert write_field("X-Note", " a\nBcc: b ") == b"X-Note: a Bcc: b\r\n"


def test_text_beyond_ascii_is_encoded():
    written = write_field("Subject", "Grüße")
    assert written.isascii()
    assert decode_words(written[9:].strip()) == "Grüße"


@pytest.mark.parametrize("name", ["", "a b", "a:", "ä", "a\r\nb", "x" * 77])
def test_names(name):
    assert not is_field_name(name)
    with pytest.raises(ValueError):
        write_field(name, "x")


@pytest.mark.parametrize("value", ["a\0b", "\x7f", "x" * 2049, "y" * 1000])
def test_values(value):
    with pytest.raises(ValueError):
        write_field("X", value)


def test_a_field_goes_below_the_others():
    assert append_field(MESSAGE, b"Z: z\r\n") == (
        b"A: 1\r\nB: x\r\na: 2\r\n folded\r\nA: 3\r\nZ: z\r\n\r\nbody A: 4\r\n"
    )
    assert append_field(scan(b"A: 1"), b"Z: z\r\n") == b"A: 1\r\nZ: z\r\n"
    assert append_field(scan(b"\r\nbody"), b"Z: z\r\n") == b"Z: z\r\n\r\nbody"


def test_all_of_a_name():
    fields = matching_fields(MESSAGE, b"a")
    assert without_fields(MESSAGE, fields) == b"B: x\r\n\r\nbody A: 4\r\n"


@pytest.mark.parametrize(
    ("index", "last", "value"),
    [
        (1, False, [b"1"]),
        (2, False, [b"2 folded"]),
        (1, True, [b"3"]),
        (4, False, []),
        (0, True, []),
    ],
)
def test_one_of_a_name(index, last, value):
    fields = matching_fields(MESSAGE, b"a", index=index, last=last)
    assert [MESSAGE.value(field) for field in fields] == value


def test_the_number_counts_before_the_match():
    assert not matching_fields(MESSAGE, b"a", index=1, matches=lambda value: value == b"3")
    assert matching_fields(MESSAGE, b"a", index=3, matches=lambda value: value == b"3")


@given(
    value=st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=200),
    body=st.binary(max_size=100),
)
@settings(max_examples=150)
def test_what_was_added_can_be_taken_away(value, body):
    before = scan(b"A: 1\r\n\r\n" + body)
    try:
        field = write_field("X-Added", value)
    except ValueError:
        assert any(len(word) > 900 for word in value.split(" "))
        return
    after = scan(append_field(before, field))
    assert after.content.endswith(b"\r\n\r\n" + body)
    assert without_fields(after, matching_fields(after, b"x-added")) == before.content
