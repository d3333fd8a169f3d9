"""Search plugins read the change log of mailboxes and answer body queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from thurn.contracts.store import AccountHandle


@dataclass(frozen=True, slots=True)
class TextQuery:
    """An exact, case-insensitive substring of body or whole message text. RFC 9051 §6.4.4."""

    text: str
    whole_message: bool


class SearchIndex(Protocol):
    """Finds messages by their text, and says what it has not indexed yet, so that the caller can
    look at the rest itself."""

    async def find(
        self, account: AccountHandle, mailbox_id: str, query: TextQuery
    ) -> tuple[Sequence[int], int]:
        """UIDs that match among those indexed, and the highest MODSEQ that is indexed."""
