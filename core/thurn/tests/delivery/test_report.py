"""The report to a sender whose message did not reach everybody. RFC 3464, RFC 6522."""

from __future__ import annotations

import email
import email.policy

from thurn.delivery.report import Failure, failure_report
from thurn.types.address import Address
from thurn.types.content import Content
from thurn.types.envelope import Recipient
from thurn.types.status import Status

MESSAGE = b"Subject: caf\xc3\xa9\r\nX-Boundary: =_report_T1\r\n\r\n--=_report_T1--\r\nsecret\r\n"


def test_it_says_who_was_not_reached_and_returns_the_header():
    failures = [
        Failure(Recipient(Address.parse("a@example.org")), Status(550, "5.1.1", "No such account")),
        Failure(
            Recipient(Address.parse("b@example.org"), original=Address.parse("list@example.org")),
            Status(552, "5.2.2", "caf\u00e9\r\nis full"),
        ),
    ]
    envelope, content = failure_report(
        "mail.example",
        Address.parse("x@example.net"),
        Content.of(MESSAGE),
        failures,
        identifier="T1",
        now=1_790_000_000.0,
    )
    assert envelope.sender is None
    report_message = email.message_from_bytes(content.read(), policy=email.policy.default)
    assert report_message.get_content_type() == "multipart/report"
    assert report_message["Content-Type"].params["report-type"] == "delivery-status"
    assert (report_message["To"].strip("<>"), report_message["Auto-Submitted"]) == (
        "x@example.net",
        "auto-replied",
    )
    assert report_message["Message-ID"] == "<report.T1@mail.example>"
    text, status, header = report_message.iter_parts()
    assert "<a@example.org>: 550 5.1.1 No such account" in text.get_content()
    assert "<list@example.org>: 552 5.2.2 caf\u00e9 is full" in text.get_content()
    mta, one, two = status.get_payload()
    assert mta["X-Thurn-Transaction"] == "T1"
    assert (one["Action"], one["Status"]) == ("failed", "5.1.1")
    assert two["Original-Recipient"] == "rfc822;list@example.org"
    assert header.get_content_type() == "text/rfc822-headers"
    assert b"secret" not in content.read()
