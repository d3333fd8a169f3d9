"""IDLE: the client is told what happens while it waits.

    C: 1 IDLE
    S: + idling
    S: * 4 EXISTS
    C: DONE
    S: 1 OK IDLE done

RFC 9051 §6.3.13.
"""

from __future__ import annotations

from thurn.plugin import MailboxNotFound
from thurn_wire.imap.command import Idle
from thurn_wire.imap.event import IdleDone

from thurn_listener_imap.answer import Answer, done
from thurn_listener_imap.answering import finish
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.extension import Updates
from thurn_listener_imap.refusal import answer_to


async def idle(conversation: Conversation, _command: Idle) -> Answer | None:
    """Begin to wait; a mailbox that was deleted meanwhile ends it at once."""
    conversation.engine.accept()
    await conversation.tell_updates(may_expunge=True)
    return answer_to(MailboxNotFound()) if conversation.is_mailbox_gone else None


async def wake(conversation: Conversation) -> None:
    """The mailbox may have changed."""
    await conversation.tell_updates(may_expunge=True)
    if conversation.is_mailbox_gone:
        await finish(conversation, answer_to(MailboxNotFound()), Updates.NONE)


async def end(conversation: Conversation, _: IdleDone) -> None:
    """The client waits no longer."""
    conversation.has_told = False
    await finish(conversation, done("IDLE done"))
