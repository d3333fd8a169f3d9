"""STATUS. RFC 9051 §6.3.11."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from thurn.plugin import MailboxRecord
from thurn_wire.imap import response
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
"""The items of the base. RECENT: see README."""


async def status(conversation: Conversation, command: Status) -> Answer:
    """The numbers of a mailbox, which need not be selected.

    Raises:
        StorageError: it is not there, or cannot be read.
    """
    mailbox = await conversation.account.mailbox(command.mailbox)
    record = mailbox.record
    need(record.rights, READ)
    conversation.write(status_line(conversation, record, command.items))
    return done("STATUS done")


def status_line(conversation: Conversation, record: MailboxRecord, items: Sequence[str]) -> bytes:
    """The response for a mailbox, also of LIST (RETURN (STATUS …)). RFC 5819 §2."""
    table = conversation.site.extensions.status_items
    pairs = [(item, table[item](conversation, record)) for item in items if item in table]
    return response.status(record.name, pairs, utf8=conversation.rev2)
