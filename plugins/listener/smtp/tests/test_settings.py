from __future__ import annotations

import pytest
from pydantic import ValidationError
from thurn_listener_smtp.settings import SmtpSettings

BIND = {"bind": ["127.0.0.1:0"]}


def make(**values):
    return SmtpSettings.model_validate({**BIND, **values})


def test_submission_requires_a_login_unless_told_otherwise():
    assert make(profile="submission", sasl=["plain"]).require_login
    assert not make(profile="submission", require_login=False).require_login
    assert not make(profile="mx").require_login


def test_submission_completes_messages_unless_told_otherwise():
    for profile in ("submission", "submissions"):
        assert make(profile=profile, sasl=["plain"], tls="main").submission
    assert not make(profile="submission", sasl=["plain"], submission=False).submission
    assert not make(profile="mx").submission


def test_submissions_encrypts_from_the_first_octet():
    assert make(profile="submissions", sasl=["plain"], tls="main").tls_mode == "implicit"


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"profile": "submission"}, "mechanism"),
        ({"profile": "lmtp", "relay": ["authenticated"]}, "no relay"),
        ({"profile": "lmtp", "bind": ["127.0.0.1:25"]}, "port 25"),
        ({"require_tls": True}, "require_tls"),
        ({"size_limit": "1KiB"}, "size_limit"),
        ({"profile": "submissions", "sasl": ["plain"], "tls_mode": "starttls"}, "implicit"),
    ],
)
def test_what_does_not_go_together_is_said(values, word):
    with pytest.raises(ValidationError, match=word):
        make(**values)
