"""In which texts of a message SEARCH BODY and SEARCH TEXT look."""

from __future__ import annotations

import pytest
from thurn_listener_imap.search.text import body_texts
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
