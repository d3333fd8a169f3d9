"""COPY and UID COPY.

    C: 1 COPY 1:2 Archive
    S: 1 OK [COPYUID 1 1:2 7:8] COPY done

RFC 9051 §6.4.7, RFC 4315 §3.
"""

from __future__ import annotations

from thurn.plugin import MailboxNotFound
from thurn_wire.imap.command import Copy

from thurn_listener_imap.answer import Answer, done
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.copying import copy_code, sizes_of, target, wanted_uids
from thurn_listener_imap.limits import ROW_OCTETS


async def copy(conversation: Conversation, command: Copy) -> Answer:
    """Copy all messages of the set, or none.

    Raises:
        StorageError: nothing was copied.
    """
    uids = await wanted_uids(conversation, command)
    name, _ = await target(conversation, command.mailbox)
    if not uids:
        return done("There was nothing to copy")
    conversation.context.ledger.need_disk(len(uids) * ROW_OCTETS)
    await conversation.guard(name, sizes_of(conversation, uids))
    try:
        result = await conversation.mailbox.mailbox.copy(uids, name)
    except MailboxNotFound:
        await target(conversation, name)  # raises if it is the target that was deleted
        raise
    return done("COPY done", copy_code(result))
