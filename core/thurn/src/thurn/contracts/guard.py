"""Guards judge what would enter a store, before it is prepared: quota is one."""

from __future__ import annotations

from typing import Protocol

from thurn.contracts.account import AccountRecord
from thurn.contracts.store import AccountHandle


class Guard(Protocol):
    """Judges append and copy."""

    async def check_append(
        self, record: AccountRecord, account: AccountHandle, mailbox: str, size_octets: int
    ) -> None:
        """Return, or raise a StorageError such as OverQuota. Two at once may overshoot by one."""
