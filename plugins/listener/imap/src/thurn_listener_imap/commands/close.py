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
from thurn_listener_imap.commands.expunge import removals
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.permission import EXPUNGE


async def close(conversation: Conversation, _command: Close) -> Answer:
    r"""Expunge what is \Deleted without telling, and close; a read-only mailbox is only closed.

    Raises:
        StorageError: nothing was removed, or not all; the mailbox is closed all the same.
    """
    selected = conversation.mailbox
    conversation.deselect()
    if not selected.read_only and EXPUNGE in selected.rights:
        # A mailbox that was deleted has nothing left to be removed.
        with suppress(MailboxNotFound):
            async for _ in removals(selected.mailbox):
                pass
    return done("CLOSE done")
