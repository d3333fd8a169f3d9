"""Guards judge what is about to enter a store, before it is prepared. Quota is a guard."""

from __future__ import annotations

from typing import Protocol

from thurn.contracts.account import AccountRecord
from thurn.contracts.store import AccountHandle


class Guard(Protocol):
    """Judges messages that are appended or copied."""

    async def check_append(
        self, record: AccountRecord, account: AccountHandle, mailbox: str, size_octets: int
    ) -> None:
        """Permit it, or raise a StorageError such as OverQuota. Of two at the same time both may be
        permitted although only one has room."""
