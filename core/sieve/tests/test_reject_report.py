"""The reports of reject and ereject, parsed again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from thurn_message.scanner import scan
from thurn_sieve.context import Context, Envelope
from thurn_sieve.ext.reject.report import delivery_report, disposition_report

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MESSAGE = b"From: a@example.com\r\nMessage-ID: <1@x>\r\nSubject: s\r\n\r\nthe body\r\n"


def context(message=MESSAGE, recipient="me@example.org"):
    return Context(message, envelope=Envelope("a@example.com", recipient), now=NOW)


def types(report):
    return [part.content_type for part in scan(report).parts]


def test_ereject_sends_a_delivery_report():
    report = delivery_report(context(), "no birdseed, either!\r\n")
    assert types(report) == [
        "multipart/report",
        "text/plain",
        "message/delivery-status",
        "text/rfc822-headers",
    ]
    assert b"Final-Recipient: rfc822; me@example.org\r\n" in report
    assert b"Action: failed\r\nStatus: 5.7.1\r\n" in report
    assert b"From: MAILER-DAEMON@example.org\r\n" in report
    assert b"no birdseed, either!" in report
    assert b"Subject: s" in report
    assert b"the body" not in report


def test_reject_sends_a_disposition_report():
    report = disposition_report(context(), "grüß nicht\r\n")
    assert b"message/disposition-notification" in report
    # RFC 5429 §2.2.1
    assert b"Disposition: automatic-action/MDN-sent-automatically; deleted\r\n" in report
    assert b"Original-Message-ID: <1@x>\r\n" in report
    assert b"gr=C3=BC=C3=9F nicht" in report
    assert report.isascii()


@pytest.mark.parametrize("make", [delivery_report, disposition_report])
@pytest.mark.parametrize(
    "message",
    [
        b"",
        bytes(range(256)) * 10,
        b"Message-ID: " + b"a" * 5000 + b"\r\nX: " + b"b" * 100_000 + b"\r\n\r\n",
        b"Message-ID: <a\r@b>\r\n\r\n",
        "Message-ID: <ü@b>\r\nX: ü\r\n\r\n".encode(),
        b"Subject: no end",
    ],
)
@pytest.mark.parametrize("recipient", ["", "ü@example.org", "x", '"a b"@example.org'])
def test_any_message_can_be_refused(make, message, recipient):
    report = make(context(message, recipient), "a\0b\r\nc\nd")
    assert len(report) < 60_000
    assert all(len(line) <= 998 for line in report.split(b"\r\n"))
    assert b"\0" not in report


def test_edits_have_no_effect_on_reports():
    scene = context()
    scene.message = b"X-Edited: yes\r\n\r\n"
    assert b"X-Edited" not in delivery_report(scene, "no")
