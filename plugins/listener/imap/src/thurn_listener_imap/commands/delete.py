"""DELETE.

    C: 1 DELETE old
    S: 1 OK DELETE done

RFC 9051 §6.3.5.
"""

from __future__ import annotations

from thurn_wire.imap import code
from thurn_wire.imap.command import Delete

from thurn_listener_imap.answer import Answer, done
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.permission import DELETE_MAILBOX, need


async def delete(conversation: Conversation, command: Delete) -> Answer:
    """Remove the mailbox and its messages; mailboxes below it stay.

    Raises:
        StorageError: nothing was removed.
    """
    mailbox = await conversation.account.mailbox(command.mailbox)
    record = mailbox.record
    need(record.rights, DELETE_MAILBOX)
    await conversation.account.delete(command.mailbox)
    selected = conversation.selected
    if selected is not None and selected.told.mailbox_id == record.id:
        conversation.deselect()
        return done("DELETE done", code.CLOSED)
    return done("DELETE done")
