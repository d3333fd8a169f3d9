"""SUBSCRIBE and UNSUBSCRIBE.

    C: 1 SUBSCRIBE work
    S: 1 OK SUBSCRIBE done

RFC 9051 §6.3.7, §6.3.8.
"""

from __future__ import annotations

from thurn_wire.imap.command import Subscribe, Unsubscribe

from thurn_listener_imap.answer import Answer, done
from thurn_listener_imap.conversation import Conversation


async def subscribe(conversation: Conversation, command: Subscribe) -> Answer:
    """Subscribe; the mailbox need not exist. RFC 9051 §6.3.7.

    Raises:
        StorageError: nothing has changed.
    """
    await conversation.account.subscribe(command.mailbox, True)
    return done("SUBSCRIBE done")


async def unsubscribe(conversation: Conversation, command: Unsubscribe) -> Answer:
    """Unsubscribe, also from a name that does not exist or was not subscribed.

    Raises:
        StorageError: nothing has changed.
    """
    await conversation.account.subscribe(command.mailbox, False)
    return done("UNSUBSCRIBE done")
