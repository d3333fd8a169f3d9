"""SASLprep by the examples of RFC 4013 §3."""

from __future__ import annotations

import pytest
from thurn_kit.scram import saslprep


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("I\u00adX", "IX"), ("user", "user"), ("USER", "USER"), ("\u00aa", "a"),
        ("\u2168", "IX"), ("a\u00a0b", "a b"), ("e\u0301", "\u00e9"), ("\u0627", "\u0627"),
        ("\u06271\u0628", "\u06271\u0628"), ("\U0001f600", "\U0001f600"), ("", ""),
    ],
)  # fmt: skip
def test_prepared(text, prepared):
    assert saslprep(text) == prepared


@pytest.mark.parametrize(
    "text",
    [
        "\x07",
        "\x7f",
        "\u0627\u0031",
        "\u0627a\u0628",
        "\ue000",
        "\ufdd0",
        "\u202e",
        "a\u2028b",
        "\ufffd",
        "\u2ff0",
        "\U000e0041",
    ],
)
def test_refused(text):
    with pytest.raises(ValueError):
        saslprep(text)
