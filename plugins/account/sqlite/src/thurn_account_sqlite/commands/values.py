"""Types of options: sizes, ends of validity, key=value."""

from __future__ import annotations

from datetime import UTC, datetime

import click
from pydantic import TypeAdapter, ValidationError
from thurn.contracts.settings import Duration, Size


class SizeType(click.ParamType[int]):
    """A size such as 2GiB, in octets; "none" is -1."""

    name = "size"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Octets."""
        if value == "none":
            return -1
        try:
            return TypeAdapter(Size).validate_python(value)
        except ValidationError:
            self.fail(f'{value!r} is no size: such as 500MiB or 2GiB, or "none"', param, ctx)


class UntilType(click.ParamType[str]):
    """A time from now on such as 90d, or a date such as 2027-01-31 (until its end, UTC)."""

    name = "time"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """The same text, if it is one."""
        try:
            until(value, 0.0)
        except ValueError:
            self.fail(f"{value!r} is no time: such as 90d, or a date 2027-01-31", param, ctx)
        return value


def until(text: str, now: float) -> float:
    """POSIX seconds when it is over.

    Raises:
        ValueError: it is no time.
    """
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return now + TypeAdapter(Duration).validate_python(text)
    return day.timestamp() + 86_400.0


class PairType(click.ParamType[tuple[str, str]]):
    """KEY=VALUE."""

    name = "key=value"

    def convert(
        self,
        value: str | tuple[str, str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, str]:
        """Key and value."""
        if isinstance(value, tuple):
            return value
        key, sign, rest = value.partition("=")
        if not key or not sign:
            self.fail(f"{value!r} is not of the form KEY=VALUE", param, ctx)
        return key, rest
