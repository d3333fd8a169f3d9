"""Date parts: an instant in a time zone, as the texts that the date tests compare.

Rules of this file:
1. A zone is an offset like "+0100"; names of zones are not known. RFC 5260 §4.1.
2. Parts have the fixed widths of the standard, so that texts have the order of the dates.
3. This file reads no clock: the instant and the local zone come from the caller.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Final

from thurn_message.date import format_date, parse_date
from thurn_message.parameter import strip_comments

# time-zone = ( "+" / "-" ) 4DIGIT (RFC 5260 §4.1, zone of RFC 5322 §3.3)
_ZONE: Final = re.compile(r"([+-])([0-9]{2})([0-5][0-9])")
COMMENTED_OCTETS: Final = 4_096
"""Octets of a field whose comments are removed before its date is read; a longer field is read
with them. A Received field has a few hundred octets."""
_EPOCH: Final = date(1858, 11, 17).toordinal()
"""Day 0 of the Modified Julian Date. RFC 5260 §4.2."""


def parse_zone(text: str) -> timezone | None:
    """The zone with this offset; None if the text is not an offset of less than a day."""
    match = _ZONE.fullmatch(text)
    if match is None or int(match[2]) > 23:
        return None
    minutes = int(match[2]) * 60 + int(match[3])
    return timezone(timedelta(minutes=-minutes if match[1] == "-" else minutes))


def format_zone(instant: datetime) -> str:
    """The offset of an aware instant, like "+0100"."""
    sign, minutes = _offset(instant)
    return f"{sign}{minutes // 60:02}{minutes % 60:02}"


def field_date(value: bytes) -> datetime | None:
    """The instant that a field's value names, or None.

    Text before the last semicolon, as in Received, is ignored. RFC 5260 §4.
    """
    if b"(" in value and len(value) <= COMMENTED_OCTETS:
        # A semicolon in a comment does not count. Removing a comment that is never closed may
        # remove the date; then the whole value is read below.
        plain = strip_comments(value)
        instant = parse_date(plain[plain.rfind(b";") + 1 :])
        if instant is not None:
            return instant
    return parse_date(value[value.rfind(b";") + 1 :])


def is_part(name: str) -> bool:
    """Whether there is a part of this name, in any case."""
    return name.lower() in PARTS


def date_part(name: str, instant: datetime) -> str | None:
    """A part of an aware instant in the instant's own zone; None if there is no such part.

    RFC 5260 §4.2.
    """
    write = PARTS.get(name.lower())
    return None if write is None else write(instant)


def _offset(instant: datetime) -> tuple[str, int]:
    offset = instant.utcoffset()
    minutes = 0 if offset is None else round(offset.total_seconds() / 60)
    return ("-" if minutes < 0 else "+"), abs(minutes)


def _iso8601(instant: datetime) -> str:
    sign, minutes = _offset(instant)
    plain = instant.replace(microsecond=0, tzinfo=None).isoformat()
    return f"{plain}{sign}{minutes // 60:02}:{minutes % 60:02}"


PARTS: Final[Mapping[str, Callable[[datetime], str]]] = MappingProxyType(
    {
        "year": lambda at: f"{at.year:04}",
        "month": lambda at: f"{at.month:02}",
        "day": lambda at: f"{at.day:02}",
        "date": lambda at: at.date().isoformat(),
        "julian": lambda at: str(at.date().toordinal() - _EPOCH),
        "hour": lambda at: f"{at.hour:02}",
        "minute": lambda at: f"{at.minute:02}",
        "second": lambda at: f"{at.second:02}",
        "time": lambda at: f"{at.hour:02}:{at.minute:02}:{at.second:02}",
        "iso8601": _iso8601,
        "std11": format_date,
        "zone": format_zone,
        "weekday": lambda at: str(at.isoweekday() % 7),  # 0 is Sunday
    }
)
"""Every part of RFC 5260 §4.2, by its name in lower case."""
