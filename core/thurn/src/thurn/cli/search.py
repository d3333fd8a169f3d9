"""Selects the transactions that `thurn explain` lists.

Rules of this file: it compares records of the journal and opens no file. Addresses are compared
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
"""Most transactions that are listed without `--last`: about one screen."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which transactions are wanted.

    Attributes:
        sender: an address, "@domain", or "<>" for the null sender; None: any.
        recipient: an address or "@domain"; None: any. The journal has the first 100 recipients of
            a transaction only.
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
    """POSIX seconds of a time (ISO 8601; UTC if it names no zone), or of a duration before now.

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
