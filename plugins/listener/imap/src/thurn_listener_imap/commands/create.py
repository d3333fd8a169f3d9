"""CREATE, with USE. RFC 9051 §6.3.4, RFC 6154 §3."""

from __future__ import annotations

from thurn.plugin import MailboxNameRefused, MailboxNotFound, parents
from thurn_wire.imap import code
from thurn_wire.imap.command import Create

from thurn_listener_imap.answer import Answer, CommandRefused, done, refused
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.listing.uses import SPECIAL_USES
from thurn_listener_imap.permission import CREATE, need


async def create(conversation: Conversation, command: Create) -> Answer:
    """Make the mailbox, and those above it that are missing.

    Raises:
        StorageError: it was not made.
    """
    uses = frozenset(command.special_use)
    if not uses <= SPECIAL_USES:
        # RFC 6154 §3.
        raise CommandRefused(refused("A special use that is not kept here", code.USEATTR))
    separator = conversation.account.separator
    # RFC 9051 §6.3.4: a separator at the end only says that there will be mailboxes below.
    name = command.mailbox.removesuffix(separator)
    await need_parent(conversation, name)
    await conversation.account.create(name, special_use=uses)
    return done("CREATE done")


async def need_parent(conversation: Conversation, name: str) -> None:
    """Raises NotPermitted where a mailbox may not be made below the nearest one that is there."""
    for parent in reversed(parents(name, conversation.account.separator)):
        try:
            mailbox = await conversation.account.mailbox(parent)
        except (MailboxNotFound, MailboxNameRefused):
            continue
        need(mailbox.record.rights, CREATE)
        return
