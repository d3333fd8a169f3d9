"""STARTTLS.

    C: 1 STARTTLS
    S: 1 OK Begin TLS

RFC 9051 §6.2.1.
"""

from __future__ import annotations

from thurn_wire.imap.command import StartTls

from thurn_listener_imap.answer import Answer, done, wrong
from thurn_listener_imap.conversation import Conversation


async def start_tls(conversation: Conversation, _command: StartTls) -> Answer | None:
    """Answer, then shake hands.

    Raises:
        OSError: no TLS came about.
    """
    engine, connection = conversation.engine, conversation.connection
    if conversation.settings.tls_mode != "starttls" or not connection.can_start_tls:
        return wrong("TLS is active, or not offered")
    engine.send(done("Begin TLS"))
    await conversation.flush()
    await connection.start_tls()
    conversation.session.tls = connection.tls
    # CVE-2011-0411: the engine drops what was sent in the clear behind the command.
    early_octets = engine.tls_started()
    if early_octets:
        conversation.context.diagnostics.warning(
            "tls.early_octets",
            session=conversation.session.id,
            peer=str(conversation.session.peer or "local"),
            size_octets=early_octets,
        )
    return None
