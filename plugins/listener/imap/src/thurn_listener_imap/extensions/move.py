"""MOVE and UID MOVE. RFC 9051 §6.4.8, RFC 6851."""

from __future__ import annotations

from thurn.plugin import MailboxNotFound
from thurn_wire.imap import response
from thurn_wire.imap.command import Move

from thurn_listener_imap.answer import Answer, done
from thurn_listener_imap.commands.copy import copy_code, size_of, target_name, wanted_uids
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.permission import DELETE_MESSAGE, EXPUNGE


async def move(conversation: Conversation, command: Move) -> Answer:
    """Move all messages of the set or none; their EXPUNGE responses come before the answer.

    Raises:
        StorageError: nothing was moved.
    """
    conversation.need_writable()
    # RFC 6851 §4.6: what COPY, STORE +FLAGS Deleted and EXPUNGE need.
    conversation.need_right(DELETE_MESSAGE)
    conversation.need_right(EXPUNGE)
    uids = await wanted_uids(conversation, command)
    name = await target_name(conversation, command.mailbox)
    if not uids:
        return done("There was nothing to move")
    await conversation.guard(name, size_of(conversation, uids))
    try:
        result = await conversation.mailbox.mailbox.move(uids, name)
    except MailboxNotFound:
        await target_name(conversation, name)  # it may be the target that has gone
        raise
    copied = copy_code(result)
    if copied:
        # RFC 6851 §4.3: COPYUID comes before the EXPUNGE responses.
        conversation.write(response.ok(b"*", "Moved", copied))
    await conversation.tell_updates(may_expunge=True, uid=command.uid)
    return done("MOVE done")
