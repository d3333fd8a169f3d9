"""STARTTLS.

    C: STARTTLS
    S: 220 2.0.0 Ready to start TLS

RFC 3207 §4.
"""

from __future__ import annotations

from thurn_wire.smtp import event

from thurn_listener_smtp.conversation import Conversation


async def start_tls(conversation: Conversation, _: event.StartTls) -> None:
    """Shake hands; everything that the peer has said before is dropped.

    What the connection policies found out about the peer's address stays: the peer has not said it.
    """
    session = conversation.session
    conversation.engine.accept()
    await conversation.flush()
    await conversation.connection.start_tls()
    early_octets = conversation.engine.tls_started()
    if early_octets:
        # CVE-2011-0411: the engine dropped what was sent in the clear behind the command.
        conversation.parts.diagnostics.warning(
            "tls.early_octets",
            session=session.id,
            peer=str(session.peer or "local"),
            size_octets=early_octets,
        )
    conversation.end_login()
    # RFC 3207 §4.2: the server must forget what it got from the client before.
    session.tls = conversation.connection.tls
    session.hello = ""
    session.extended = True
    session.identity = None
    session.remembered = conversation.at_connect
