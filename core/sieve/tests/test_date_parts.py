"""Date parts and zones. RFC 5260 §4."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_sieve.ext.date.parts import PARTS, date_part, field_date, format_zone, parse_zone

AT = datetime(2026, 11, 24, 4, 5, 30, tzinfo=timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("year", "2026"),
        ("month", "11"),
        ("day", "24"),
        ("date", "2026-11-24"),
        ("julian", "61368"),
        ("hour", "04"),
        ("MINUTE", "05"),
        ("second", "30"),
        ("time", "04:05:30"),
        ("iso8601", "2026-11-24T04:05:30+01:00"),
        ("std11", "Tue, 24 Nov 2026 04:05:30 +0100"),
        ("zone", "+0100"),
        ("weekday", "2"),
    ],
)
def test_parts(name, text):
    assert date_part(name, AT) == text


def test_sunday_is_0_and_the_epoch_of_julian_is_0():
    assert date_part("weekday", datetime(2026, 11, 22, tzinfo=UTC)) == "0"
    assert date_part("julian", datetime(1858, 11, 17, tzinfo=UTC)) == "0"
    assert date_part("julian", datetime(1970, 1, 1, tzinfo=UTC)) == "40587"


def test_a_part_is_of_the_zone():
    away = AT.astimezone(parse_zone("-0800"))
    assert date_part("date", away) == "2026-11-23"
    assert date_part("hour", away) == "19"
    assert date_part("iso8601", away) == "2026-11-23T19:05:30-08:00"


def test_no_such_part():
    assert date_part("century", AT) is None


@pytest.mark.parametrize(
    "text", ["", "+1", "0100", "+0160", "+2400", "+01:00", "CET", "+0100 ", "+\u0660100"]
)
def test_no_zone(text):
    assert parse_zone(text) is None


@given(minutes=st.integers(-1439, 1439))
@settings(max_examples=100)
def test_a_zone_comes_back(minutes):
    at = datetime(2026, 1, 1, tzinfo=timezone(timedelta(minutes=minutes)))
    zone = parse_zone(format_zone(at))
    assert zone is not None
    assert at.astimezone(zone).utcoffset() == at.utcoffset()


def test_a_received_field_has_its_date_behind():
    value = b"from a (b; c) by d with ESMTP; Tue, 24 Nov 2026 04:05:30 +0100"
    assert field_date(value) == AT
    assert field_date(b"Tue, 24 Nov 2026 04:05:30 +0100") == AT
    assert field_date(b"yesterday") is None
    assert field_date(b"Tue, 24 Nov 2026 04:05:30 +0100 (CET; winter)") == AT
    assert field_date(b"from a (b; c; Tue, 24 Nov 2026 04:05:30 +0100") == AT
    assert field_date(b"from a; Tue, 24 Nov 2026 04:05:30 +0100 (x; 1 Jan 2001 00:00 +0000)") == AT


@given(at=st.datetimes(timezones=st.just(UTC)))
@settings(max_examples=100)
def test_every_part_of_every_instant(at):
    for name in PARTS:
        assert date_part(name, at)
