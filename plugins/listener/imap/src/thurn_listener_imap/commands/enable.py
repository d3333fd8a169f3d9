"""ENABLE. RFC 9051 §6.3.1, RFC 5161."""

from __future__ import annotations

from thurn_wire.imap import reply
from thurn_wire.imap.command import Enable
from thurn_wire.imap.reply import Reply, ok

from thurn_listener_imap.conversation import Conversation


async def enable(conversation: Conversation, command: Enable) -> Reply:
    """Enable what is known and not enabled yet; the rest is left out of the answer."""
    table = conversation.site.extensions.enables
    names = [
        name
        for name in dict.fromkeys(command.capabilities)
        if name in table and name not in conversation.enabled
    ]
    for name in names:
        table[name](conversation)
    conversation.enabled |= frozenset(names)
    # RFC 5161 §3.2: ENABLED lists what this command has enabled, and is sent even if empty.
    conversation.write(reply.enabled(names))
    return ok("ENABLE done")
