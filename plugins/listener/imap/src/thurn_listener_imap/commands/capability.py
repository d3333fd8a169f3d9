"""CAPABILITY. RFC 9051 §6.1.1."""

from __future__ import annotations

from thurn_wire.imap import reply
from thurn_wire.imap.command import Capability
from thurn_wire.imap.reply import Reply, ok

from thurn_listener_imap.conversation import Conversation


async def capability(conversation: Conversation, _command: Capability) -> Reply:
    """What is announced now."""
    conversation.write(reply.capability(conversation.capabilities()))
    return ok("CAPABILITY done")
