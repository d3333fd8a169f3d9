"""STATUS.

    C: 1 STATUS Sent (MESSAGES UNSEEN)
    S: * STATUS Sent (MESSAGES 3 UNSEEN 1)
    S: 1 OK STATUS done

RFC 9051 §6.3.11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from thurn_wire.imap.command import Status

from thurn_listener_imap.answer import Answer, done
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.extension import StatusItem
from thurn_listener_imap.permission import READ, need

ITEMS: Final[Mapping[str, StatusItem]] = {
    "MESSAGES": lambda _, record: record.messages,
    "RECENT": lambda _, record: 0,
    "UIDNEXT": lambda _, record: record.uidnext,
    "UIDVALIDITY": lambda _, record: record.uidvalidity,
    "UNSEEN": lambda _, record: record.unseen,
    "DELETED": lambda _, record: record.deleted,
}
"""The items of the base; about RECENT see docs/adr/0006."""


async def status(conversation: Conversation, command: Status) -> Answer:
    """Write the numbers of a mailbox, which need not be selected.

    Raises:
        StorageError: the mailbox does not exist, or cannot be read.
    """
    mailbox = await conversation.account.mailbox(command.mailbox)
    record = mailbox.record
    need(record.rights, READ)
    conversation.write(conversation.status_response(record, command.items))
    return done("STATUS done")
