"""What `thurn explain` is asked to look for in the journal.

Rules of this file: it compares what the journal has; it opens nothing. Addresses are compared
without regard to case, because people rarely know how a peer wrote them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import click
from pydantic import TypeAdapter, ValidationError

from thurn.contracts.settings import Duration

LISTED: Final = 20
"""Transactions listed where `--last` does not say how many: a screen of them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which transactions are wanted; None stands for any.

    Attributes:
        sender: an address, "@domain", or "<>" for the null sender.
        recipient: an address or "@domain"; the journal has the first 100 of a transaction.
    """

    sender: str | None
    recipient: str | None

    def matches(self, record: dict[str, Any]) -> bool:
        """Whether a record of the journal is wanted."""
        if self.sender is not None and not _is_like(record.get("sender", ""), self.sender):
            return False
        recipients = record.get("recipients", [])
        return self.recipient is None or any(_is_like(one, self.recipient) for one in recipients)


def _is_like(address: str, wanted: str) -> bool:
    address, wanted = address.lower(), wanted.lower().strip("<>")
    return address.endswith(wanted) if wanted.startswith("@") else address == wanted


def moment(text: str, now: float) -> float:
    """POSIX seconds of a time (ISO 8601; UTC where no zone stands), or of a duration before now.

    Raises:
        click.BadParameter: the text is neither.
    """
    try:
        return now - float(TypeAdapter(Duration).validate_python(text))
    except ValidationError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f'{text!r}: write a duration, such as "2h", or a time, such as "2026-11-24T08:00"'
        ) from None
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
