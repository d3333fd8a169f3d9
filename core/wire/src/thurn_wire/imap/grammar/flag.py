r"""Flags and dates: words that several families of commands share.

    flag      = "\" atom / atom
    date-time = DQUOTE date-day-fixed "-" month "-" 4DIGIT SP time SP ( "+" / "-" ) 4DIGIT DQUOTE
    date      = 1*2DIGIT "-" month "-" 4DIGIT, in quotes or not

RFC 9051 §2.3.2, §9.
"""

from __future__ import annotations

import datetime
import re
from typing import Final

from thurn_wire.imap import limits
from thurn_wire.imap.grammar.registry import Cursor

_MONTHS: Final = {
    name: number
    for number, name in enumerate(b"JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(), 1)
}
_DATE_TIME: Final = re.compile(
    rb'"([ 0-9][0-9])-([A-Za-z]{3})-([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2})'
    rb' ([+-])([0-9]{2})([0-5][0-9])"'
)
_DATE: Final = re.compile(rb'("?)([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})("?)')


def flag(cursor: Cursor) -> str:
    r"""A flag that may be stored: a keyword, or a system flag in its usual spelling.

    Raises:
        CommandError: also for unknown system flags, and for `\Recent`, which clients cannot set
            (RFC 3501 §2.3.2).
    """
    if not cursor.skip(b"\\"):
        name = cursor.atom("a flag")
    else:
        name = "\\" + cursor.atom("a flag")
        known = cursor.grammar.system_flags.get(name.lower())
        if known is None:
            cursor.refuse("a flag that cannot be stored")
        return known
    if len(name) > limits.FLAG_OCTETS:
        cursor.refuse("flag too long")
    return name


def flag_list(cursor: Cursor) -> tuple[str, ...]:
    """A list of flags in parentheses, which may be empty; each flag once."""
    return tuple(dict.fromkeys(cursor.items(flag, limits.FLAGS, "flags")))


def flags(cursor: Cursor) -> tuple[str, ...]:
    """Flags, in parentheses or, at least one, without. RFC 9051 §9 (store-att-flags)."""
    if cursor.looking_at(b"("):
        return flag_list(cursor)
    names = [flag(cursor)]
    if not cursor.at_end():
        names += cursor.spaced(flag, limits.FLAGS - 1, "flags")
    return tuple(dict.fromkeys(names))


def date(cursor: Cursor) -> datetime.date:
    """A `date`. RFC 9051 §9."""
    match = _DATE.match(cursor.octets, cursor.position)
    if match is None or match[1] != match[5]:
        cursor.fail("a date (1-Feb-1994)")
    try:
        value = datetime.date(int(match[4]), _MONTHS[match[3].upper()], int(match[2]))
    except (ValueError, KeyError):
        cursor.fail("a date (1-Feb-1994)")
    cursor.position = match.end()
    return value


def date_time(cursor: Cursor) -> datetime.datetime:
    """A `date-time`, with its zone; a leap second counts as the one before it. RFC 9051 §9."""
    what = 'a date and time (" 1-Feb-1994 12:34:56 +0100")'
    match = _DATE_TIME.match(cursor.octets, cursor.position)
    if match is None:
        cursor.fail(what)
    day, month, year, hour, minute, second, sign, hours, minutes = match.groups()
    offset = datetime.timedelta(hours=int(hours), minutes=int(minutes))
    try:
        zone = datetime.timezone(offset if sign == b"+" else -offset)
        value = datetime.datetime(
            int(year),
            _MONTHS[month.upper()],
            int(day),
            int(hour),
            int(minute),
            59 if second == b"60" else int(second),
            tzinfo=zone,
        )
    except (ValueError, KeyError):
        cursor.fail(what)
    cursor.position = match.end()
    return value
