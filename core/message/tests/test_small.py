"""Dates, message ids, fields and messages of our own.

RFC 5322 §3.3, §3.6.4; RFC 2183 §2, RFC 6522 §3 (what `build` makes).
"""

from __future__ import annotations

import email
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_message.address import Address
from thurn_message.addresslist import parse_address_list
from thurn_message.build import (
    base64_part,
    message,
    multipart,
    raw_part,
    text_message,
    text_part,
)
from thurn_message.date import format_date, parse_date, parse_epoch
from thurn_message.headerfield import header, mailbox, parameter, text_header, whole_fields
from thurn_message.msgid import make_message_id, parse_message_id, parse_message_ids
from thurn_message.scanner import scan

NOON = datetime(2026, 11, 24, 12, 5, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "Tue, 24 Nov 2026 12:05:30 +0000",
        "24 Nov 2026 12:05:30 +0000",
        "Tue, 24 Nov 2026 14:05:30 +0200 (CEST)",
        "Tue,24 Nov 2026 12:05:30 GMT",
        "Tue, 24 Nov 2026 12:05:30",
        "Tue, 24 Nov 2026 07:05:30 EST",
        "Tue, 24 Nov 2026 12:05:30 Z",
        "Tue, 24 Nov 2026 12:05:30 -0000",
        "Tuesday, 24-Nov-26 12:05:30 UT",
        "Tue (day), 24 (x) Nov 2026 12:05:30 +0000",
        "tue, 24 NOVEMBER 2026 12:05:30 +0000",
        "Tue Nov 24 12:05:30 2026",
        "Tue Nov 24 12:05:30 UTC 2026",
        "Tue, 24 Nov 26 12.05.30 +0000",
        " Tue,\r\n 24 Nov 2026\r\n 12:05:30 +0000",
        "Tue, 24 Nov 2026 12:05:30.123 +0000",
    ],
)
def test_dates(value):
    assert parse_date(value) == parse_date(value.encode()) == NOON
    assert parse_epoch(value) == NOON.timestamp()


@pytest.mark.parametrize(
    "value",
    [
        "",
        "yesterday",
        "32 Nov 2026 12:05:30 +0000",
        "24 Foo 2026 12:05:30 +0000",
        "24 Nov 2026",
        "24 Nov 2026 25:05:30 +0000",
        "24 Nov 2026 12:60:30 +0000",
        "24 Nov 0000 12:05:30 +0000",
        "24 Nov 2026 12:05:30 +9999",
        "29 Feb 2026 12:05:30 +0000",
        "x" * 1_000_000,
        "\u0662\u0664 Nov 2026 12:05:30 +0000",
        "24 Nov 20266 12:05:30",
        "\ud800",
    ],
)
def test_no_dates(value):
    assert parse_date(value) is None
    assert parse_epoch(value) is None


def test_leap_second_and_old_years():
    assert parse_date("31 Dec 2016 23:59:60 +0000") == datetime(
        2016, 12, 31, 23, 59, 59, tzinfo=UTC
    )
    assert parse_date("1 Jan 99 00:00:00 +0000") == datetime(1999, 1, 1, tzinfo=UTC)
    assert parse_date("1 Jan 103 00:00:00 +0000") == datetime(2003, 1, 1, tzinfo=UTC)


@given(
    st.datetimes(
        min_value=datetime(1900, 1, 2),  # noqa: DTZ001
        timezones=st.integers(-1439, 1439).map(lambda m: timezone(timedelta(minutes=m))),
    )
)
def test_dates_come_back(instant):
    assert parse_date(format_date(instant)) == instant.replace(microsecond=0)


def test_format_date():
    assert format_date(NOON) == "Tue, 24 Nov 2026 12:05:30 +0000"
    assert format_date(NOON.timestamp()) == "Tue, 24 Nov 2026 12:05:30 +0000"
    west = timezone(-timedelta(hours=3, minutes=30))
    assert format_date(NOON.astimezone(west)) == "Tue, 24 Nov 2026 08:35:30 -0330"
    with pytest.raises(ValueError):
        format_date(datetime(2026, 1, 1))  # noqa: DTZ001


@settings(max_examples=200)
@given(st.text("0123456789 :+-,.()NovTue\r\n\\", max_size=60))
def test_any_date(value):
    instant = parse_date(value)
    assert instant is None or instant.tzinfo is not None


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        (b"<a@b>", [b"<a@b>"]),
        (b"<a@b> <c@d>\r\n <e@f>", [b"<a@b>", b"<c@d>", b"<e@f>"]),
        (b"<a@b><c@d>", [b"<a@b>", b"<c@d>"]),
        (b"<a@\r\n b>", [b"<a@b>"]),
        (b"(of) Your message <a@b> of Monday", [b"<a@b>"]),
        (b"<no-at>", [b"<no-at>"]),
        (b"<<a@b>>", [b"<a@b>"]),
        (b"<>", []),
        (b"a@b", []),
        (b"<a@b", []),
        (b"", []),
    ],
)
def test_message_ids(value, ids):
    assert parse_message_ids(value) == ids


def test_of_many_ids_the_first_and_the_last_remain():
    ids = [b"<%d@x>" % n for n in range(20_000)]
    identifiers = parse_message_ids(b" ".join(ids))
    assert len(identifiers) == 1_000
    assert identifiers[0] == ids[0]
    assert identifiers[-1] == ids[-1]
    few = ids[:1_001]
    identifiers = parse_message_ids(b" ".join(few))
    assert identifiers[-1] == few[-1]
    assert len(identifiers) == len(set(identifiers)) == 1_000


def test_one_message_id():
    assert parse_message_id(b" <a@b> ") == b"<a@b>"
    assert parse_message_id(b"a@b") == b"<a@b>"
    assert parse_message_id(b"a b") is None
    assert parse_message_id(b"") is None
    assert make_message_id("1.2", "example.org") == "<1.2@example.org>"
    for unique, domain in [("", "x"), ("x", ""), ("a b", "x"), ("a\r\n", "x"), ("a>", "x")]:
        with pytest.raises(ValueError):
            make_message_id(unique, domain)


def test_header_is_folded_at_white_space():
    field = header("Subject", "word " * 40)
    lines = field.split(b"\r\n")
    assert all(len(line) <= 78 for line in lines)
    assert all(line.startswith(b" ") for line in lines[1:-1])
    assert scan(field).get(b"subject") == b"word " * 39 + b"word"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Subject", "a\r\nBcc: x"),
        ("Subject", "a\nb"),
        ("Subject", "a\rb"),
        ("Subject", b"a\0b"),
        ("Sub ject", "a"),
        ("Subject:", "a"),
        ("", "a"),
        ("Subject\r\n", "a"),
        ("Sübject", "a"),
        ("Subject", "x" * 999),
        ("Subject", "a " + "x" * 999),
    ],
)
def test_header_refuses(name, value):
    with pytest.raises(ValueError):
        header(name, value)


@given(
    st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"])).filter(
        lambda text: len(text.encode()) < 300
    )
)
def test_any_value_is_one_field_and_comes_back(text):
    content = header("X", text) + b"Y: z\r\n\r\n"
    scanned = scan(content)
    assert [field.name for field in scanned.fields] == [b"x", b"y"]
    assert scanned.get(b"x") == text.encode().strip(b" \t")


def test_text_header_encodes():
    assert text_header("Subject", "Grüße") == b"Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n"
    assert b"=?utf-8?q?Caf=C3=A9_au_lait?=" in text_header("Subject", "Café au lait")
    assert max(map(len, text_header("Subject", "ü" * 500).split(b"\r\n"))) <= 78 + 9


@pytest.mark.parametrize("name", ["Bob", "B, ob", 'B "x" \\ ob', "Jörg", " Bob", "a@b", "=?x", ""])
def test_mailbox_comes_back(name):
    address = Address.parse('"a b"@example.org')
    addresses = parse_address_list(mailbox(name, address).encode())
    (box,) = addresses.mailboxes
    assert addresses.doubts == ()
    assert box.address == address
    assert box.display_name == name.strip()


def test_mailbox_and_parameter_refuse_line_ends():
    for name in ("a\r\nb", "ü\nb", "a\0"):
        with pytest.raises(ValueError):
            mailbox(name, Address.parse("a@b.example"))
        with pytest.raises(ValueError):
            parameter("n", name)


def test_text_message():
    content = text_message([("From", "a@b.example"), ("Subject", "Grüße")], "Hallo\n.\nFrom x")
    assert content.endswith(b"\r\n\r\nHallo\r\n.\r\nFrom x\r\n")
    assert scan(content).header_doubts == []
    assert b"Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n" in content


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_any_text_comes_back(text):
    content = text_message([("From", "a@b.example")], text)
    assert content.isascii()
    assert content.count(b"\r") == content.count(b"\n") == content.count(b"\r\n")
    assert max(map(len, content.split(b"\r\n"))) <= 78
    back = email.message_from_bytes(content)
    body = back.get_payload(decode=True).decode(back.get_content_charset())
    wanted = text.replace("\r\n", "\n").replace("\r", "\n")
    assert body.replace("\r\n", "\n") == (wanted if wanted[-1:] in ("", "\n") else wanted + "\n")


def test_report():
    notice = multipart(
        "report",
        [
            text_part("It failed: ü"),
            raw_part("message/delivery-status", b"Reporting-MTA: dns; example.org\r\n"),
            base64_part("application/pdf", bytes(100), ("Content-Disposition", "attachment")),
        ],
        "report-type=delivery-status",
    )
    content = message([("From", "a@b.example"), ("Subject", "Failed")], notice)
    scanned = scan(content)
    assert [part.content_type for part in scanned.parts] == [
        "multipart/report",
        "text/plain",
        "message/delivery-status",
        "application/pdf",
    ]
    assert scanned.header_doubts == []
    assert content == message([("From", "a@b.example"), ("Subject", "Failed")], notice)
    assert email.message_from_bytes(content).get_payload(2).get_payload(decode=True) == bytes(100)


def test_a_nul_in_text_is_replaced():
    part = text_part("before\0after")
    assert b"\0" not in part
    assert b"before=EF=BF=BDafter" in part


def test_a_date_with_comments_and_spaces_in_its_time():
    # RFC 5322 appendix A.5, A.6.3
    assert parse_date(b"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600") == parse_date(
        b"Fri, 21 Nov 1997 09:55:06 -0600"
    )


@pytest.mark.parametrize(
    "octets",
    [b"X: 1\r\n", b"X:\r\n", b"X: a;\r\n\tb=c\r\nY: 2\r\n", b"X: " + b"x" * 995 + b"\r\n"],
)
def test_whole_fields_stay_as_they_are(octets):
    assert whole_fields(octets) is octets


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\r\n",
        b"X: 1",
        b"X: 1\r\nY: 2",
        b"X: 1\r\n\r\n",
        b"X: 1\r\n\r\nbody\r\n",
        b" X: 1\r\n",
        b"X: 1\r\n \t\r\n",
        b"X: 1\ny\r\n",
        b"X: 1\ry\r\n",
        b"X: \0\r\n",
        b"X 1\r\n",
        b"X y: 1\r\n",
        b": 1\r\n",
        b"\xff: 1\r\n",
        b"X: " + b"x" * 996 + b"\r\n",
    ],
)
def test_what_is_not_whole_fields_is_refused(octets):
    with pytest.raises(ValueError, match="header"):
        whole_fields(octets)
