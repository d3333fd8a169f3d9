"""Grants and explanations as people and programs read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click
from thurn.plugin import AccountId
from thurn_kit.grants import Grant, SessionSource
from thurn_kit.table import print_table, printable

from thurn_relay_grants.answer import Explanation


def as_facts(grant: Grant, wall: float) -> dict[str, Any]:
    """The values of a grant for JSON; times are ISO 8601 in UTC."""
    source = grant.source
    return {
        "source": str(source),
        "peer": source.peer if isinstance(source, SessionSource) else None,
        "account": grant.account,
        "destinations": list(grant.destinations),
        "until": _time(wall + grant.remaining_seconds),
        "remaining_seconds": round(grant.remaining_seconds, 3),
        "reason": grant.reason,
        "granted_by": grant.granted_by,
        "granted_at": _time(grant.granted_at),
    }


def print_grants(grants: Sequence[Grant], wall: float, names: Mapping[AccountId, str]) -> None:
    """Print a row for each grant; `names` has the names that people know accounts by."""
    columns = ("who", "from", "to", "until (UTC)", "why", "granted by")
    print_table(columns, [_row(grant, wall, names) for grant in grants])


def _row(grant: Grant, wall: float, names: Mapping[AccountId, str]) -> tuple[str, ...]:
    source = str(grant.source)
    if isinstance(grant.source, SessionSource) and grant.source.peer:
        source = f"{source} ({grant.source.peer})"
    return (
        who_of(grant, names),
        source,
        ", ".join(grant.destinations) or "anywhere",
        _until(grant, wall),
        printable(grant.reason),
        grant.granted_by,
    )


def who_of(grant: Grant, names: Mapping[AccountId, str]) -> str:
    """The account that a grant is bound to, by the name that people know; "anybody" without one."""
    return (
        "anybody" if grant.account is None else printable(names.get(grant.account, grant.account))
    )


def _until(grant: Grant, wall: float) -> str:
    if is_configured(grant):
        return "configured"
    until = datetime.fromtimestamp(wall + grant.remaining_seconds, UTC)
    return f"{until:%Y-%m-%d %H:%M} ({_left(grant.remaining_seconds)})"


def is_configured(grant: Grant) -> bool:
    """Whether the row only shows what a relay rule permits by the configuration or a login."""
    return grant.granted_by.startswith("relay.")


def print_story(story: Explanation) -> None:
    """Print the verdict, the answer of each rule, the grants and the hints."""
    click.echo(printable(story.verdict))
    for rule in story.rules:
        detail = f": {rule.detail}" if rule.detail else ""
        click.echo(printable(f"  {rule.name}: {rule.decision}{detail}"))
    for text in story.grants:
        click.echo(printable(f"  grant: {text}"))
    for text in story.would_pass_if:
        click.echo(printable(f"  would pass if {text}"))


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _left(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:.0f}s"
