"""A mailbox as a maildrop: a snapshot of its columns, its messages, and what QUIT changes.

Rules of this file:
1. The columns are those of one view, taken at login: numbers and unique-ids stay, whatever other
   sessions do to the mailbox. RFC 1939 §5.
2. A unique-id is UIDVALIDITY and UID. The store keeps both, so the unique-id is the same in every
   session and after a restart, and no other message gets it. RFC 1939 §7 (UIDL).
3. Only `remove` and `mark_seen` change anything.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from thurn.plugin import Content, FlagChange, Mailbox, MessageExpunged, View
from thurn_wire.pop3.maildrop import Maildrop


class OpenMaildrop:
    """The maildrop of one session.

    Attributes:
        key: of its lock.
        retrieved: the UIDs of messages that RETR has sent whole.
    """

    __slots__ = ("_mailbox", "_uids", "key", "retrieved")

    def __init__(self, mailbox: Mailbox, view: View, key: str) -> None:
        self._mailbox = mailbox
        self._uids: array[int] = view.uids
        self.key = key
        self.retrieved: set[int] = set()

    def uid(self, number: int) -> int:
        """The UID of the message with this number."""
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
            How many of them still existed.

        Raises:
            StorageError: nothing was removed.

        Cancellation: all of them are removed, or none.
        """
        uids = {self._uids[number - 1] for number in numbers}
        return len(await self._mailbox.expunge(uids)) if uids else 0

    async def mark_seen(self) -> None:
        """Flag what was retrieved and still exists. Raises StorageError."""
        if self.retrieved:
            await self._mailbox.flag(self.retrieved, FlagChange.ADD, ("\\Seen",))


def columns(view: View) -> Maildrop:
    """The sizes and unique-ids of this view, for STAT, LIST and UIDL."""
    unique_ids = list(map(f"{view.uidvalidity:x}.%x".__mod__, view.uids))
    return Maildrop(view.sizes, unique_ids)
