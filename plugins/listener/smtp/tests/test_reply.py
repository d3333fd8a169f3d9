from __future__ import annotations

import pytest
from thurn.plugin import Status
from thurn_listener_smtp.reply import greeting_refusal, refusal_of, reply_of


@pytest.mark.parametrize(
    ("status", "octets"),
    [
        (Status(250, "2.0.0", "Ok"), b"250 2.0.0 Ok\r\n"),
        (Status(550, "4.0.0", "wrong class"), b"550 5.0.0 wrong class\r\n"),
        (Status(354, "2.0.0", "no final reply"), b"451 4.3.0 "),
        (Status(999, "5.0.0", "none"), b"451 4.3.0 "),
        (Status(550, "5.7.1", "two\r\n250 lines"), b"550 5.7.1 two??250 lines\r\n"),
    ],
)
def test_whatever_a_plugin_says_is_one_reply(status, octets):
    assert reply_of(status).encode().startswith(octets)
    assert reply_of(status).encode().count(b"\r\n") == 1


def test_a_refusal_is_never_positive():
    assert refusal_of(Status(250, "2.0.0", "Ok")).code == 451


def test_a_greeting_is_refused_without_enhanced_code():
    assert greeting_refusal(Status(550, "5.7.1", "no"), "h").encode() == b"554 h no\r\n"
    assert greeting_refusal(Status(451, "4.7.1", "later"), "h").code == 421
