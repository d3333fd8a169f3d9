"""Modified UTF-7: one text, one spelling."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_wire.imap import mutf7


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("", b""),
        ("INBOX", b"INBOX"),
        ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),  # RFC 3501 §5.1.3
        ("R&D", b"R&-D"),
        ("&&", b"&-&-"),
        ("&é&", b"&-&AOk-&-"),
        ("Entwürfe", b"Entw&APw-rfe"),
        ("😀", b"&2D3eAA-"),
        ("a\0\r\n", b"a&AAAADQAK-"),
        ("\x7f", b"&AH8-"),
    ],
)
def test_both_ways(text, octets):
    assert mutf7.encode(text) == octets
    assert mutf7.decode(octets) == text


@pytest.mark.parametrize(
    "octets",
    [
        b"&",
        b"a&",
        b"&AOk",
        b"&AOk-&AOk-",  # superfluous shift: RFC 3501 §5.1.3
        b"&ACY-",  # an ampersand
        b"&AC4ALg-",  # ".."
        b"&AC8-",  # "/"
        b"&AGE-",  # "a"
        b"&2AA-",  # lone surrogates
        b"&3AA-",
        b"&2D3YPQ-",
        b"&AOl-",  # bits left over
        b"&AOk=-",
        b"&A-",
        b"&AO!k-",
        b"&AOk/-",
        b"&U/BTFw-",
        b"\xc3\xa9",
        b"&\xc3-",
        b"a\0",
        b"&+AOk-",
        b"&&-",
    ],
)
def test_refused(octets):
    with pytest.raises(mutf7.SpellingError):
        mutf7.decode(octets)


def test_lone_surrogate_is_not_written():
    with pytest.raises(mutf7.SpellingError):
        mutf7.encode("a\ud800")


@settings(max_examples=200)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_every_text(text):
    octets = mutf7.encode(text)
    assert octets.isascii()
    assert octets.decode().isprintable()
    assert mutf7.decode(octets) == text


@settings(max_examples=200)
@given(st.text(alphabet="&-,+AOkD3é/ \0", max_size=20).map(str.encode) | st.binary(max_size=30))
def test_any_octets_decode_to_their_only_text_or_not(octets):
    try:
        text = mutf7.decode(octets)
    except mutf7.SpellingError:
        return
    assert mutf7.encode(text) == octets
