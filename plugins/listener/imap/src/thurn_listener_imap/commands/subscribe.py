"""SUBSCRIBE and UNSUBSCRIBE. RFC 9051 §6.3.7, §6.3.8."""

from __future__ import annotations

from thurn_wire.imap.command import Subscribe, Unsubscribe
from thurn_wire.imap.reply import Reply, ok

from thurn_listener_imap.conversation import Conversation


async def subscribe(conversation: Conversation, command: Subscribe) -> Reply:
    """Subscribe; the mailbox need not be there. RFC 9051 §6.3.7.

    Raises:
        StorageError: nothing has changed.
    """
    await conversation.account.subscribe(command.mailbox, True)
    return ok("SUBSCRIBE done")


async def unsubscribe(conversation: Conversation, command: Unsubscribe) -> Reply:
    """Unsubscribe; also from what is not there or was not subscribed.

    Raises:
        StorageError: nothing has changed.
    """
    await conversation.account.subscribe(command.mailbox, False)
    return ok("UNSUBSCRIBE done")
