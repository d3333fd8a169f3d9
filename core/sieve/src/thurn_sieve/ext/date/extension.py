"""The tests `date` and `currentdate`. RFC 5260 §4, §5."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Final

from thurn_sieve.diagnostics import Diagnostics
from thurn_sieve.ext.date.parts import date_part, field_date, is_part, parse_zone
from thurn_sieve.registry import Command, Extension
from thurn_sieve.runtime import Args, Runtime
from thurn_sieve.syntax import Call


def _date(rt: Runtime, args: Args) -> bool:
    """`date` [":zone" string / ":originalzone"] header-name date-part key-list."""
    fields = rt.fields(args, (args.text(0),))
    values: Sequence[str] = ()
    # RFC 5260 §4: the first of several fields counts, unless :index chooses another one.
    instant = field_date(fields[0].raw) if fields else None
    if instant is not None:
        if not args.has("originalzone"):
            instant = _shifted(rt, args, instant)
        values = _values(rt, args.text(1), instant)
    return args.match.test(rt, values, args.texts(2))


def _currentdate(rt: Runtime, args: Args) -> bool:
    """`currentdate` [":zone" string] date-part key-list."""
    instant = _shifted(rt, args, rt.context.now)
    return args.match.test(rt, _values(rt, args.text(0), instant), args.texts(1))


def _shifted(rt: Runtime, args: Args, instant: datetime) -> datetime:
    """The instant in the zone of `:zone`, or else in the local zone. RFC 5260 §4.1."""
    zone = rt.context.now.tzinfo
    if args.has("zone"):
        zone = _zone(rt, args.text("zone"))
    try:
        return instant.astimezone(zone)
    except OverflowError:  # it would be before the year 1 or after the year 9999
        return instant


def _zone(rt: Runtime, text: str) -> timezone:
    zone = parse_zone(text)
    if zone is None:
        rt.error(f'"{text}" is not a time zone like "+0100"', "bad-zone")
    return zone


def _values(rt: Runtime, part: str, instant: datetime) -> Sequence[str]:
    value = date_part(part, instant)
    if value is None:
        rt.error(f'there is no date part "{part}"', "bad-date-part")
    rt.note(f"{part}: {value}")
    return (value,)


def _validate(call: Call, diag: Diagnostics) -> None:
    for text in call.literals("zone") if "zone" in call.tags else ():
        if parse_zone(text.value) is None:
            diag.error(f'"{text.value}" is not a time zone like "+0100"', text, "bad-zone")
    for text in call.literals(1 if call.name == "date" else 0):
        if not is_part(text.value):
            diag.error(f'there is no date part "{text.value}"', text, "bad-date-part")


EXTENSIONS: Final = (
    Extension(
        "date",
        commands=(
            Command(
                "date",
                ("match", "string", "string", "string-list"),
                {"zone": "string", "originalzone": None},
                kind="test",
                run=_date,
                validate=_validate,
                exclusive=(("zone", "originalzone"),),
            ),
            Command(
                "currentdate",
                ("match", "string", "string-list"),
                {"zone": "string"},
                kind="test",
                run=_currentdate,
                validate=_validate,
            ),
        ),
    ),
)
