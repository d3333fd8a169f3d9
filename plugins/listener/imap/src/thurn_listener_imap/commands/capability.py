"""CAPABILITY.

    C: 1 CAPABILITY
    S: * CAPABILITY IMAP4rev1 ...
    S: 1 OK CAPABILITY done

RFC 9051 §6.1.1.
"""

from __future__ import annotations

from thurn_wire.imap import reply
from thurn_wire.imap.command import Capability

from thurn_listener_imap.answer import Answer, done
from thurn_listener_imap.conversation import Conversation


async def capability(conversation: Conversation, _command: Capability) -> Answer:
    """Write what is announced now."""
    conversation.write(reply.capability(conversation.capabilities()))
    return done("CAPABILITY done")
