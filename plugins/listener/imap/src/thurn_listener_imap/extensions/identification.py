"""ID: who is who. RFC 2971."""

from __future__ import annotations

from typing import Final

from thurn_wire.imap import response
from thurn_wire.imap.command import Id

from thurn_listener_imap.answer import Answer, done
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.extension import CommandKind, ImapExtension, always

IDENTITY: Final = {"name": "thurn"}
"""RFC 2971 §3.3: nothing depends on it; a version would only help those who look for old ones."""


async def identify(conversation: Conversation, command: Id) -> Answer:
    """Say who we are; who the client is goes into the log."""
    if command.fields:
        client = dict(command.fields)
        conversation.site.context.diagnostics.info(
            "imap.client",
            session=conversation.session.id,
            client=client.get("name"),
            version=client.get("version"),
        )
    conversation.write(response.identity(IDENTITY))
    return done("ID done")


IDENTIFICATION: Final = ImapExtension(
    name="id", capabilities=always("ID"), commands={Id: CommandKind(identify)}
)
