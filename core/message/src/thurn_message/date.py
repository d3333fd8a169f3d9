"""Dates of header fields: `Tue, 24 Nov 2026 04:05:30 +0000`.

Rules of this file:
1. Reading never raises: text that does not name an instant gives None.
2. Reading is lenient where agents differ: the day of the week is not checked, comments are skipped,
   years may have two digits (RFC 5322 §4.3), a zone may be a name or missing (then it is UTC).
3. All results are aware datetimes; this file reads no clock.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from thurn_message.limits import MAX_DATE_OCTETS
from thurn_message.parameter import strip_comments

_MONTHS: Final = "jan feb mar apr may jun jul aug sep oct nov dec".split()  # noqa: SIM905
_DAYS: Final = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
# date-time = [ day-of-week "," ] date time zone (RFC 5322 §3.3, §4.3)
_DATE_TIME: Final = re.compile(
    r"\s*(?:[A-Za-z]{3,9}[\s,.]*)?(\d{1,2})[\s-]+([A-Za-z]{3})[A-Za-z]{0,6}\.?[\s-]+(\d{2,4})[\s,]+"
    r"(\d{1,2})\s*[:.]\s*(\d{2})(?:\s*[:.]\s*(\d{2}))?(?:\.\d{1,9})?\s*"
    r"([+-]\d{4}|[A-Za-z]{1,5})?",
    re.ASCII,
)
# asctime: Tue Nov 24 04:05:30 2026, with or without a zone before the year
_ASCTIME: Final = re.compile(
    r"\s*[A-Za-z]{3,9}[\s,]+([A-Za-z]{3})[A-Za-z]{0,6}\s+(\d{1,2})\s+(\d{1,2}):(\d{2}):(\d{2})\s+"
    r"(?:([+-]\d{4}|[A-Za-z]{1,5})\s+)?(\d{4})(?:\s+([+-]\d{4}))?",
    re.ASCII,
)
# obs-zone (RFC 5322 §4.3); military letters and unknown names count as -0000
_ZONES: Final = {
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "MET": 1,
    "CET": 1,
    "CEST": 2,
    "MEST": 2,
    "EET": 2,
    "EEST": 3,
    "BST": 1,
    "MSK": 3,
    "JST": 9,
}


def parse_date(value: bytes | str) -> datetime | None:
    """The instant that a date names, as an aware datetime, or None.

    Args:
        value: the field's value, folded or not.

    RFC 5322 §3.3, §4.3.
    """
    raw = value.encode("ascii", "replace") if isinstance(value, str) else value
    if len(raw) > MAX_DATE_OCTETS:
        return None
    if b"(" in raw:
        raw = strip_comments(raw)
    text = raw.decode("ascii", "replace")
    match = _DATE_TIME.match(text)
    if match is not None:
        day, month, year, hour, minute, second, zone = match.groups()
    else:
        match = _ASCTIME.match(text)
        if match is None:
            return None
        month, day, hour, minute, second, zone, year, behind = match.groups()
        zone = behind or zone
    if month.lower() not in _MONTHS:
        return None
    try:
        return datetime(
            _year(year),
            _MONTHS.index(month.lower()) + 1,
            int(day),
            int(hour),
            int(minute),
            min(int(second or 0), 59),  # a leap second becomes the second before it
            tzinfo=_zone(zone),
        )
    except ValueError:
        return None


def parse_epoch(value: bytes | str) -> float | None:
    """The instant that a date names in POSIX seconds, or None."""
    instant = parse_date(value)
    return None if instant is None else instant.timestamp()


def format_date(instant: datetime | float) -> str:
    """The date-time of an instant; `parse_date` gives the same instant back, to the second.

    Args:
        instant: an aware datetime, written in its own zone; or POSIX seconds, written in UTC.

    Raises:
        ValueError: the datetime is not aware.

    RFC 5322 §3.3.
    """
    if not isinstance(instant, datetime):
        instant = datetime.fromtimestamp(instant, UTC)
    offset = instant.utcoffset()
    if offset is None:
        raise ValueError("the date has no zone")
    minutes = round(offset.total_seconds() / 60)
    sign = "-" if minutes < 0 else "+"
    zone = f"{sign}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"
    # strftime would follow the locale, but days and months are English in every mail.
    return (
        f"{_DAYS[instant.weekday()]}, {instant.day:02} {_MONTHS[instant.month - 1].title()} "
        f"{instant.year:04} {instant.hour:02}:{instant.minute:02}:{instant.second:02} {zone}"
    )


def _year(text: str) -> int:
    """The year; RFC 5322 §4.3 says what two and three digits mean."""
    year = int(text)
    if len(text) == 2:
        return year + (2000 if year < 50 else 1900)
    return year + 1900 if len(text) == 3 else year


def _zone(text: str | None) -> timezone:
    if text is None:
        return UTC
    if text[0] in "+-":
        minutes = int(text[1:3]) * 60 + int(text[3:])
        return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
    return timezone(timedelta(hours=_ZONES.get(text.upper(), 0)))
