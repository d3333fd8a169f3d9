"""RENAME.

    C: 1 RENAME work job
    S: 1 OK RENAME done

RFC 9051 §6.3.6.
"""

from __future__ import annotations

from thurn_wire.imap.command import Rename

from thurn_listener_imap.answer import Answer, done
from thurn_listener_imap.commands.create import need_parent
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.permission import DELETE_MAILBOX, need


async def rename(conversation: Conversation, command: Rename) -> Answer:
    """Rename the mailbox with those below it; the messages of INBOX move, and INBOX stays.

    Raises:
        StorageError: nothing was renamed.
    """
    mailbox = await conversation.account.mailbox(command.mailbox)
    # RFC 4314 §4: as if the old one were deleted and the new one created.
    need(mailbox.record.rights, DELETE_MAILBOX)
    target = command.target.removesuffix(conversation.account.separator)
    await need_parent(conversation, target)
    await conversation.account.rename(command.mailbox, target)
    return done("RENAME done")
