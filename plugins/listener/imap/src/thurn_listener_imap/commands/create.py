r"""CREATE.

    C: 1 CREATE Sent (USE (\Sent))
    S: 1 OK CREATE done

RFC 9051 §6.3.4, RFC 4466 §2.2.
"""

from __future__ import annotations

from thurn.plugin import MailboxNameRefused, MailboxNotFound, parents
from thurn_wire.imap.command import Create

from thurn_listener_imap.answer import Answer, done
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.extension import NewMailbox
from thurn_listener_imap.limits import ROW_OCTETS
from thurn_listener_imap.permission import CREATE, need


async def create(conversation: Conversation, command: Create) -> Answer:
    """Make the mailbox, and those above it that are missing.

    Raises:
        StorageError: it was not made.
        CommandRefused: it was not made, since a parameter does not allow it.
    """
    account = conversation.account
    # RFC 9051 §6.3.4: a separator at the end only says that there will be mailboxes below.
    new = NewMailbox(command.mailbox.removesuffix(account.separator))
    table = conversation.parts.extensions.create_parameters
    for word, value in command.parameters.items():
        table[word](conversation, new, value)
    await need_parent(conversation, new.name)
    await conversation.guard_create(new.name)
    conversation.context.ledger.need_disk(ROW_OCTETS)
    await account.create(new.name, special_use=new.special_use)
    if new.after:
        mailbox = await account.mailbox(new.name)
        for work in new.after:
            await work(mailbox)
    return done("CREATE done")


async def need_parent(conversation: Conversation, name: str) -> None:
    """Raise NotPermitted where no mailbox may be made below the nearest parent that exists."""
    for parent in reversed(parents(name, conversation.account.separator)):
        try:
            mailbox = await conversation.account.mailbox(parent)
        except (MailboxNotFound, MailboxNameRefused):
            continue
        need(mailbox.record.rights, CREATE)
        return
