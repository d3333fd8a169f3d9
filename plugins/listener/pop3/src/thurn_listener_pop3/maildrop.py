"""A mailbox as a maildrop: a snapshot of its columns, its messages, and what QUIT changes.

Rules of this file:
1. The columns are those of one view, taken at login: numbers and unique-ids stay whatever others
   do to the mailbox meanwhile. RFC 1939 §5.
2. A unique-id is UIDVALIDITY and UID: both are kept by the store, so it is the same in every
   session and after a restart, and never given to another message. RFC 1939 §7 (UIDL).
3. Nothing changes but in `remove` and `mark_seen`.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from thurn.plugin import Content, FlagChange, Mailbox, MessageExpunged, View
from thurn_wire.pop3.maildrop import Maildrop


class OpenMaildrop:
    """The maildrop of one session.

    Attributes:
        key: what it is locked by.
        retrieved: the UIDs of what RETR has sent whole.
    """

    __slots__ = ("_mailbox", "_uids", "key", "retrieved")

    def __init__(self, mailbox: Mailbox, view: View, key: str) -> None:
        self._mailbox = mailbox
        self._uids: array[int] = view.uids
        self.key = key
        self.retrieved: set[int] = set()

    def uid(self, number: int) -> int:
        """The UID of a message number."""
        return self._uids[number - 1]

    async def content(self, number: int) -> Content:
        """The message. Raises StorageError."""
        return await self._mailbox.body(self._uids[number - 1])

    async def header_octets(self, number: int) -> int:
        """The length of the header with its empty line; opens no message. Raises StorageError."""
        (summary,) = await self._mailbox.summaries((self._uids[number - 1],))
        if summary is None:
            raise MessageExpunged
        return summary.header_octets

    async def remove(self, numbers: Sequence[int]) -> int:
        """Remove these messages for good.

        Returns:
            How many were still there.

        Raises:
            StorageError: nothing was removed.

        Cancellation: all of them are removed, or none.
        """
        uids = {self._uids[number - 1] for number in numbers}
        return len(await self._mailbox.expunge(uids)) if uids else 0

    async def mark_seen(self) -> None:
        """Flag what was retrieved and is still there. Raises StorageError."""
        if self.retrieved:
            await self._mailbox.flag(self.retrieved, FlagChange.ADD, ("\\Seen",))


def columns(view: View) -> Maildrop:
    """What STAT, LIST and UIDL say of this view."""
    unique_ids = list(map(f"{view.uidvalidity:x}.%x".__mod__, view.uids))
    return Maildrop(view.sizes, unique_ids)
