"""ENABLE.

    C: 1 ENABLE CONDSTORE X-UNKNOWN
    S: * ENABLED CONDSTORE
    S: 1 OK ENABLE done

RFC 9051 §6.3.1, RFC 5161.
"""

from __future__ import annotations

from thurn_wire.imap import reply
from thurn_wire.imap.command import Enable

from thurn_listener_imap.answer import Answer, done
from thurn_listener_imap.conversation import Conversation


async def enable(conversation: Conversation, command: Enable) -> Answer:
    """Enable the words that are known and not enabled yet; the answer leaves out the others."""
    table = conversation.parts.extensions.enables
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
    return done("ENABLE done")
