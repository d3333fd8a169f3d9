"""STLS.

    C: STLS
    S: +OK begin TLS

RFC 2595 §4.
"""

from __future__ import annotations

from thurn_wire.pop3 import event

from thurn_listener_pop3.conversation import Conversation


async def start_tls(conversation: Conversation, _: event.StartTls) -> None:
    """Answer, then shake hands; what is offered afterwards is asked anew.

    Raises:
        OSError: no TLS came about.
    """
    engine, connection = conversation.engine, conversation.connection
    engine.accept()
    await conversation.flush()
    await connection.start_tls()
    conversation.session.tls = connection.tls
    # RFC 2595 §4, CVE-2011-0411: the engine drops what was sent in the clear behind the command.
    early_octets = engine.tls_started()
    if early_octets:
        conversation.parts.context.diagnostics.warning(
            "tls.early_octets",
            session=conversation.session.id,
            peer=str(conversation.session.peer or "local"),
            size_octets=early_octets,
        )
    conversation.offer()
