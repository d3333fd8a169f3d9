"""Values of options: sizes, ends of validity, KEY=VALUE; each is a click callback."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import click
from pydantic import TypeAdapter, ValidationError
from thurn.plugin import Duration, Size

NONE: Final = -1
"""What a quota of "none" is: it is taken away."""


def read_size(context: click.Context, option: click.Parameter, text: str | None) -> int | None:
    """Octets of a size such as 2GiB; `NONE` for "none"; None if the option is not given."""
    if text is None or text == "none":
        return None if text is None else NONE
    try:
        return TypeAdapter(Size).validate_python(text)
    except ValidationError:
        raise click.BadParameter(
            f'{text!r} is no size: such as 500MiB or 2GiB, or "none"', context, option
        ) from None


def read_number(context: click.Context, option: click.Parameter, text: str | None) -> int | None:
    """A number; `NONE` for "none"; None if the option is not given."""
    if text is None or text == "none":
        return None if text is None else NONE
    if not text.isdecimal() or not text.isascii() or len(text) > 18:
        raise click.BadParameter(f'{text!r} is no number, and not "none"', context, option)
    return int(text)


def read_until(context: click.Context, option: click.Parameter, text: str | None) -> str | None:
    """The same text, if `until` reads it."""
    try:
        if text is not None:
            until(text, 0.0)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no time: such as 90d, or a date 2027-01-31", context, option
        ) from None
    return text


def read_pairs(
    context: click.Context, option: click.Parameter, texts: tuple[str, ...]
) -> dict[str, str]:
    """KEY=VALUE of each."""
    pairs: dict[str, str] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not key or not sign:
            raise click.BadParameter(f"{text!r} is not of the form KEY=VALUE", context, option)
        pairs[key] = value
    return pairs


def until(text: str, now: float) -> float:
    """POSIX seconds when it is over: a time from now on such as 90d, or the end of a day (UTC).

    Raises:
        ValueError: it is no time.
    """
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return now + TypeAdapter(Duration).validate_python(text)
    return day.timestamp() + 86_400.0
