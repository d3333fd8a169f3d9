"""Base64 has one spelling for each sequence of octets. RFC 4648 §3.2, §3.3."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thurn_wire import sasl


@given(octets=st.binary(max_size=40), excess=st.integers(1, 8))
def test_exactly_the_padding_that_is_needed(octets, excess):
    text = sasl.encode(octets)
    assert sasl.decode(text) == octets
    assert sasl.decode(text + b"=" * excess) is None
    if text.endswith(b"="):
        assert sasl.decode(text[:-1]) is None


@pytest.mark.parametrize("text", [b"=", b"====", b"AA AA", b"AA==AA==", b"AAAA\n", b"AA=A", b"A"])
def test_what_is_not_base64(text):
    assert sasl.decode(text) is None
