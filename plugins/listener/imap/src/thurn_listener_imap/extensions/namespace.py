"""NAMESPACE. RFC 9051 §6.3.10."""

from __future__ import annotations

from thurn_wire.imap import response
from thurn_wire.imap.command import Namespace

from thurn_listener_imap.answer import Answer, done
from thurn_listener_imap.conversation import Conversation


async def namespace(conversation: Conversation, _command: Namespace) -> Answer:
    """One personal namespace without a prefix; mailboxes of others come with the ACL extension."""
    personal = (("", conversation.account.separator),)
    conversation.write(response.namespace(personal, utf8=conversation.rev2))
    return done("NAMESPACE done")
