"""In which texts of a message SEARCH BODY and SEARCH TEXT look."""

from __future__ import annotations

import pytest
from thurn_listener_imap.search.fieldtext import value_reader
from thurn_listener_imap.search.text import address_text, body_texts, may_hold, plain_word
from thurn_message.scanner import scan

REPORT = scan(
    b"".join(
        (
            b"Subject: Outer\r\nContent-Type: multipart/report; boundary=b\r\n\r\n",
            b"--b\r\nContent-Type: text/plain\r\n\r\nNotice\r\n",
            (
                b"--b\r\nContent-Type: message/delivery-status\r\n\r\n"
                b"Diagnostic-Code: smtp; User Unknown\r\n"
            ),
            b"--b\r\nContent-Type: image/png; name=kitten.png\r\n\r\nPixels\r\n",
            b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: Inner\r\n\r\nDeep\r\n--b--\r\n",
        )
    )
)


def found(needle, *, headers):
    return any(needle in text for text in body_texts(REPORT, headers=headers))


@pytest.mark.parametrize(
    ("needle", "in_body", "in_text"),
    [
        ("notice", True, True),
        ("user unknown", True, True),
        ("inner", True, True),
        ("deep", True, True),
        ("pixels", False, False),
        ("kitten.png", False, True),
        ("outer", False, True),
    ],
)
def test_where_it_is_looked(needle, in_body, in_text):
    assert found(needle, headers=False) is in_body
    assert found(needle, headers=True) is in_text


@pytest.mark.parametrize(
    "written",
    [
        b"<alice(x)@example.org>",
        b"<alice@ example . org>",
        b"alice @example.org",
        b"Boss <alice@\r\n example.org>",
        b'"alice"@example.org',
        b'"al\\\\ice"@example.org, "ali\\ce"@example.org',
        b"a@b.example, friends: <@hop.example: ALICE @example. org>;",
    ],
)
def test_an_address_is_searched_as_envelope_has_it(written):
    """RFC 9051 §6.4.4: FROM, TO, CC and BCC search the envelope."""
    assert "alice@example.org" in address_text(b" " + written + b"\r\n")
    for name in (b"from", b"to", b"cc", b"bcc"):
        header = name + b": " + written + b"\r\n"
        assert b"alice@example.org" in value_reader(name)(header)
        word = plain_word(name, "alice@example.org")
        assert word is not None
        assert may_hold(word, header)
    assert b"\n" not in value_reader(b"subject")(b"subject: " + written + b"\r\n")


@pytest.mark.parametrize("written", [b"Bob Q. Smith <bob@example.org>", b"bob@example.org, x@y.z"])
def test_usual_addresses_are_not_parsed(written):
    assert address_text(b" " + written) == written.decode().lower()


def test_signs_of_an_unusual_address_are_found_in_linear_time():
    for octets in (b"<" * 100_000, b"@" * 100_000, b"@a" * 50_000, b" " * 100_000, b"<a" * 50_000):
        address_text(octets)
