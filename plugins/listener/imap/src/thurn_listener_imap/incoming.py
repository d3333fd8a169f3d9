"""The messages of one APPEND on their way in: in memory, or in private files.

Rules of this file:
1. Small messages are held in memory up to `MEMORY_OCTETS` a command, if the ledger grants that;
   all others are in files.
2. Content is kept as it comes: nothing is added, and line ends are not changed.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from thurn.plugin import Blob, Content, LedgerShare, StorageError
from thurn_kit.spool import Spool, SpooledContent
from thurn_wire.imap.command import AppendItem

MEMORY_OCTETS: Final = 1_048_576
"""Octets of one command's messages in memory; a message beyond them goes to a file at once."""


@dataclass(slots=True)
class IncomingMessage:
    """A message on its way in: in memory, or in a file."""

    item: AppendItem
    octets: bytearray
    file: SpooledContent | None
    blob: Blob | None = None

    def content(self) -> Content:
        """The whole content. Raises a StorageError if its file could not be written."""
        if self.blob is not None:
            return Content(self.blob)
        return Content(self.file.blob() if self.file is not None else Blob(bytes(self.octets)))


class IncomingMessages:
    """The messages of an APPEND under way.

    Args:
        mailbox: the name of the target.
        rights: to it.
        spool: for what is not held in memory.
        share: what the messages hold of memory and disk.

    Attributes:
        messages: those that were announced.
        total_octets: of all of them together.
    """

    __slots__ = (
        "_memory_octets",
        "_share",
        "_spool",
        "mailbox",
        "messages",
        "rights",
        "total_octets",
    )

    def __init__(self, mailbox: str, rights: str, spool: Spool, share: LedgerShare) -> None:
        self._share = share
        self.mailbox = mailbox
        self.rights = rights
        self.messages: list[IncomingMessage] = []
        self.total_octets = 0
        self._memory_octets = 0
        self._spool = spool

    def announce(self, item: AppendItem) -> None:
        """The next message will come. Raises StorageFull if there is no room for it."""
        self._share.reserve_disk(self.total_octets + item.size_octets)
        self.total_octets += item.size_octets
        memory_octets = self._memory_octets + item.size_octets
        in_memory = memory_octets <= MEMORY_OCTETS and self._share.hold_memory(memory_octets)
        self._memory_octets = memory_octets if in_memory else self._memory_octets
        file = None if in_memory else self._spool.start()
        self.messages.append(IncomingMessage(item, bytearray(), file))

    async def take(self, octets: bytes, *, last: bool) -> None:
        """Some octets of the message that was announced last; a failure is remembered."""
        message = self.messages[-1]
        if message.file is None:
            # A list of pieces of one octet would take forty times their size.
            message.octets += octets
            return
        await message.file.write(octets)
        if last and message.file.failure is None:
            # Others are still to come: a thousand files must not be open meanwhile.
            with suppress(StorageError):  # raised again by `content`
                message.blob = message.file.blob()

    @property
    def scan_octets(self) -> int:
        """Octets of the largest message in a file, which the store reads whole; 0: none is."""
        files = (message for message in self.messages if message.file is not None)
        return max((message.item.size_octets for message in files), default=0)

    def give_memory_back(self) -> None:
        """Hold no memory of the ledger, since the turn to scan is waited for."""
        self._share.hold_memory(0)

    def drop(self) -> None:
        """Remove the files, and give the share back. Idempotent."""
        self._share.release()
        for message in self.messages:
            if message.file is not None:
                message.file.remove()
        self.messages.clear()
