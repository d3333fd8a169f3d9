"""The messages of one APPEND on their way in: in memory, or in private files.

Rules of this file:
1. Small messages are held in memory up to `MEMORY_OCTETS` a command, all others in files.
2. Content is kept as it comes: nothing is added, and line ends are not changed.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from thurn.plugin import Blob, Content, StorageError
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

    Attributes:
        messages: those that were announced.
        total_octets: of all of them together.
    """

    __slots__ = ("_memory_octets", "_spool", "mailbox", "messages", "rights", "total_octets")

    def __init__(self, mailbox: str, rights: str, spool: Spool) -> None:
        self.mailbox = mailbox
        self.rights = rights
        self.messages: list[IncomingMessage] = []
        self.total_octets = 0
        self._memory_octets = 0
        self._spool = spool

    def announce(self, item: AppendItem) -> None:
        """The next message will come."""
        self.total_octets += item.size_octets
        in_memory = self._memory_octets + item.size_octets <= MEMORY_OCTETS
        self._memory_octets += item.size_octets if in_memory else 0
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

    def drop(self) -> None:
        """Remove the files. Idempotent."""
        for message in self.messages:
            if message.file is not None:
                message.file.remove()
        self.messages.clear()
