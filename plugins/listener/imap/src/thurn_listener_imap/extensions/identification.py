"""ID: client and server say who they are.

    C: 1 ID ("name" "client" "version" "1.2")
    S: * ID ("name" "thurn")
    S: 1 OK ID done

RFC 2971.
"""

from __future__ import annotations

from typing import Final

from thurn_wire.imap import reply
from thurn_wire.imap.command import Id
from thurn_wire.imap.grammar import session
from thurn_wire.imap.grammar.registry import Grammar, Rule
from thurn_wire.imap.state import ANY

from thurn_listener_imap.answer import Answer, done
from thurn_listener_imap.contract import ImapConversation
from thurn_listener_imap.extension import CommandKind, ImapExtension, always

IDENTITY: Final = {"name": "thurn"}
"""The answer of ID. RFC 2971 §3.3: nothing may depend on it; it has no version, which would only
help those who look for old ones."""


def _words(grammar: Grammar) -> None:
    grammar.add_command("ID", Rule(session.identity, ANY))


async def _identify(conversation: ImapConversation, command: Id) -> Answer:
    """Answer, and write what the client says of itself into the log."""
    if command.fields:
        client = dict(command.fields)
        conversation.context.diagnostics.info(
            "imap.client",
            session=conversation.session.id,
            client=client.get("name"),
            version=client.get("version"),
        )
    conversation.write(reply.identity(IDENTITY))
    return done("ID done")


IDENTIFICATION: Final = ImapExtension(
    name="id", capabilities=always("ID"), grammar=_words, commands={Id: CommandKind(_identify)}
)
