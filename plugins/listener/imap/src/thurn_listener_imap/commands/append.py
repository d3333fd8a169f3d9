"""APPEND, of one message or several. RFC 9051 §6.3.12, RFC 3502, RFC 4315 §3.

Rules of this file:
1. Nothing is stored before the last message of the command is whole; then all are, or none.
2. Small messages are held in memory up to `MEMORY_OCTETS` a command, all others in private files.
3. Content is kept as it came: nothing is added, line ends are not changed.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from thurn.plugin import Append as StoreAppend
from thurn.plugin import Blob, Content, MailboxNotFound, StorageError
from thurn_kit.spool import SpooledContent
from thurn_wire.imap import code
from thurn_wire.imap.command import Append, AppendItem

from thurn_listener_imap.answer import Answer, CommandRefused, done, refused
from thurn_listener_imap.commands.copy import target
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.permission import permitted_flags

MEMORY_OCTETS: Final = 1_048_576
"""Of one command's messages in memory; above this a message goes to a file at once."""
TOTAL_OCTETS: Final = 1_073_741_824
"""Of all messages of one command together: they wait on disk until the last has come."""


@dataclass(slots=True)
class _Coming:
    """A message on its way in: in memory, or in a file."""

    item: AppendItem
    octets: bytearray
    file: SpooledContent | None
    blob: Blob | None = None

    def content(self) -> Content:
        if self.blob is not None:
            return Content(self.blob)
        # In a file that could not be written: then this says why.
        return Content(self.file.blob() if self.file is not None else Blob(bytes(self.octets)))


class Appending:
    """An APPEND under way.

    Args:
        conversation: whose.
        name: of the target.
        rights: of it.
    """

    __slots__ = (
        "_conversation",
        "_memory_octets",
        "_messages",
        "_name",
        "_rights",
        "_total_octets",
    )

    def __init__(self, conversation: Conversation, name: str, rights: str) -> None:
        self._conversation = conversation
        self._name = name
        self._rights = rights
        self._messages: list[_Coming] = []
        self._memory_octets = 0
        self._total_octets = 0

    async def announce(self, item: AppendItem) -> None:
        """The next message will come.

        Raises:
            CommandRefused: it must not.
            StorageError: a guard lets it not in.
        """
        if item.binary:
            raise CommandRefused(refused("Binary messages are not taken here", code.UNKNOWN_CTE))
        self._total_octets += item.size_octets
        if self._total_octets > TOTAL_OCTETS:
            raise CommandRefused(refused("Too much for one command", code.TOOBIG))
        # The whole command counts, since all of it is stored at once.
        await self._conversation.guard(self._name, self._total_octets)
        in_memory = self._memory_octets + item.size_octets <= MEMORY_OCTETS
        self._memory_octets += item.size_octets if in_memory else 0
        file = None if in_memory else self._conversation.site.spool.start()
        self._messages.append(_Coming(item, bytearray(), file))

    async def take(self, octets: bytes, *, last: bool) -> None:
        """Some octets of the message announced last."""
        coming = self._messages[-1]
        if coming.file is None:
            # Single octets as pieces would cost forty times their size.
            coming.octets += octets
            return
        await coming.file.write(octets)
        if last and coming.file.failure is None:
            # The others are still to come: a thousand files must not be open meanwhile.
            with suppress(StorageError):  # said at the end
                coming.blob = coming.file.blob()

    async def store(self) -> Answer:
        """All messages have come: store them.

        Raises:
            StorageError, CommandRefused: nothing was stored.
        """
        now = datetime.fromtimestamp(self._conversation.site.context.clock.wall(), UTC)
        appends = [
            StoreAppend(
                self._name,
                coming.content(),
                coming.item.received or now,
                permitted_flags(self._rights, coming.item.flags),
            )
            for coming in self._messages
        ]
        try:
            stored = await self._conversation.account.append_all(appends)
        except MailboxNotFound as error:  # while the messages came
            raise CommandRefused(refused("No such mailbox", code.TRYCREATE)) from error
        uids = [one.uid for one in stored]
        return done("APPEND done", code.appenduid(stored[0].uidvalidity, uids))

    def drop(self) -> None:
        """Remove what waited in files. Idempotent."""
        for coming in self._messages:
            if coming.file is not None:
                coming.file.remove()
        self._messages.clear()


async def begin_append(conversation: Conversation, command: Append) -> Appending:
    """An APPEND whose target is there.

    Raises:
        StorageError: the name is no name, or the right is missing.
        CommandRefused: there is no such mailbox; CREATE could make it.
    """
    name, rights = await target(conversation, command.mailbox)
    return Appending(conversation, name, rights)
