"""CLOSE.

    C: 1 CLOSE
    S: 1 OK CLOSE done

RFC 9051 §6.4.1.
"""

from __future__ import annotations

from contextlib import suppress

from thurn.plugin import MailboxNotFound
from thurn_wire.imap.command import Close

from thurn_listener_imap.answer import Answer, done
from thurn_listener_imap.commands.expunge import remove_deleted
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.permission import EXPUNGE


async def close(conversation: Conversation, _command: Close) -> Answer:
    r"""Expunge what is \Deleted without telling, and close; a read-only mailbox is only closed.

    Raises:
        StorageError: nothing was removed; the mailbox is closed all the same.
    """
    selected = conversation.mailbox
    conversation.deselect()
    if not selected.read_only and EXPUNGE in selected.rights:
        # A mailbox that was deleted has nothing left to be removed.
        with suppress(MailboxNotFound):
            await remove_deleted(selected.mailbox)
    return done("CLOSE done")
