r"""LSUB. RFC 3501 §6.3.9."""

from __future__ import annotations

from thurn_wire.imap import response
from thurn_wire.imap.command import Lsub

from thurn_listener_imap.answer import Answer, done
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.listing.names import ancestors
from thurn_listener_imap.listing.pattern import Pattern


async def lsub(conversation: Conversation, command: Lsub) -> Answer:
    r"""Tell the subscribed names that match; of the others below, the parent with \Noselect.

    Raises:
        StorageError: they cannot be read.
    """
    account = conversation.account
    separator = account.separator
    subscribed = set(await account.subscriptions())
    pattern = Pattern(command.reference + command.pattern, separator)
    names = {name for name in subscribed if pattern.matches(name)}
    # RFC 3501 §6.3.9: foo is told with Noselect when foo/bar is subscribed and "%" was asked.
    hidden = subscribed - names
    above = {name for name in ancestors(hidden, separator) if pattern.matches(name)} - names
    for name in sorted(names | above, key=lambda one: one.split(separator)):
        attributes = (b"\\Noselect",) if name in above else ()
        line = response.mailbox_list(name, attributes, separator, utf8=conversation.rev2, lsub=True)
        conversation.write(line)
        await conversation.relieve()
    return done("LSUB done")
