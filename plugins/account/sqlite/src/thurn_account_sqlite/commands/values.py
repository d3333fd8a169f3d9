"""Values of options: sizes, numbers, ends of validity, KEY=VALUE; read by click callbacks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import click
from pydantic import TypeAdapter, ValidationError
from thurn.plugin import Duration, Size

NONE: Final = -1
"""The value of a quota option with "none": the quota is removed."""


def read_size(context: click.Context, option: click.Parameter, text: str | None) -> int | None:
    """The octets of a size such as 2GiB; `NONE` for "none"; None if the option is not given."""
    if text is None or text == "none":
        return None if text is None else NONE
    try:
        return TypeAdapter(Size).validate_python(text)
    except ValidationError:
        raise click.BadParameter(
            f'{text!r} is not a size: write 500MiB or 2GiB, or "none"', context, option
        ) from None


def read_number(context: click.Context, option: click.Parameter, text: str | None) -> int | None:
    """The number of a text; `NONE` for "none"; None if the option is not given."""
    if text is None or text == "none":
        return None if text is None else NONE
    if not text.isdecimal() or not text.isascii() or len(text) > 18:
        raise click.BadParameter(f'{text!r} is neither a number nor "none"', context, option)
    return int(text)


def read_until(context: click.Context, option: click.Parameter, text: str | None) -> str | None:
    """The text itself, after a check that `until` can read it."""
    try:
        if text is not None:
            until(text, 0.0)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not a time: write 90d, or a date such as 2027-01-31", context, option
        ) from None
    return text


def read_pairs(
    context: click.Context, option: click.Parameter, texts: tuple[str, ...]
) -> dict[str, str]:
    """The values by key of texts of the form KEY=VALUE."""
    pairs: dict[str, str] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not key or not sign:
            raise click.BadParameter(f"{text!r} is not of the form KEY=VALUE", context, option)
        pairs[key] = value
    return pairs


def until(text: str, now: float) -> float:
    """The end that a text names, in POSIX seconds: some time from now (90d), or the end of a day.

    Days are those of UTC.

    Raises:
        ValueError: the text is neither.
    """
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return now + TypeAdapter(Duration).validate_python(text)
    return day.timestamp() + 86_400.0
