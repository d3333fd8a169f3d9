"""CLOSE and UNSELECT. RFC 9051 §6.4.1, §6.4.2."""

from __future__ import annotations

from contextlib import suppress

from thurn.plugin import MailboxNotFound
from thurn_wire.imap.command import Close, Unselect

from thurn_listener_imap.answer import Answer, done
from thurn_listener_imap.commands.expunge import remove_deleted
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.permission import EXPUNGE


async def close(conversation: Conversation, _command: Close) -> Answer:
    r"""Expunge what is \Deleted, without a word, and close; a read-only mailbox is only closed.

    Raises:
        StorageError: nothing was removed; the mailbox is closed all the same.
    """
    selected = conversation.mailbox
    conversation.selected = None
    if not selected.read_only and EXPUNGE in selected.rights:
        # Of a mailbox that has gone, nothing is left to be removed.
        with suppress(MailboxNotFound):
            await remove_deleted(selected.mailbox)
    return done("CLOSE done")


async def unselect(conversation: Conversation, _command: Unselect) -> Answer:
    """Close, and remove nothing."""
    conversation.selected = None
    return done("UNSELECT done")
