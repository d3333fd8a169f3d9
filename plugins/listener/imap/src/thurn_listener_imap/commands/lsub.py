r"""LSUB.

    C: 1 LSUB "" %
    S: * LSUB (\Noselect) "/" work
    S: 1 OK LSUB done

RFC 3501 §6.3.9.
"""

from __future__ import annotations

from thurn_wire.imap import reply
from thurn_wire.imap.command import Lsub

from thurn_listener_imap.answer import Answer, done
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.listing.names import ancestors, by_level, matching


async def lsub(conversation: Conversation, command: Lsub) -> Answer:
    r"""Write the subscribed names that match; \Noselect parents stand for names below them.

    Raises:
        StorageError: the names cannot be read.
    """
    account = conversation.account
    separator = account.separator
    subscribed = set(await account.subscriptions())
    pattern = (command.pattern,)
    names = await matching(subscribed, command.reference, pattern, separator)
    # RFC 3501 §6.3.9: foo is told with Noselect when foo/bar is subscribed and "%" was asked.
    hidden = ancestors(subscribed - names, separator)
    above = await matching(hidden - names, command.reference, pattern, separator)
    for name in sorted(names | above, key=lambda one: by_level(one, separator)):
        attributes = (b"\\Noselect",) if name in above else ()
        line = reply.mailbox_list(name, attributes, separator, utf8=conversation.rev2, lsub=True)
        conversation.write(line)
        await conversation.relieve()
    return done("LSUB done")
