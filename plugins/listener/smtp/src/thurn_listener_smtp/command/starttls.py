"""STARTTLS. RFC 3207 §4."""

from __future__ import annotations

from thurn_wire.smtp import event

from thurn_listener_smtp.conversation import Conversation


async def start_tls(talk: Conversation, _: event.StartTls) -> None:
    """Shake hands; afterwards nothing is known that the peer said before.

    What the connection policies found out about its address stays: that is no word of the peer's.
    """
    session = talk.session
    talk.engine.accept()
    await talk.flush()
    await talk.connection.start_tls()
    early_octets = talk.engine.tls_started()
    if early_octets:
        # CVE-2011-0411: the engine dropped what was sent in the clear behind the command.
        talk.parts.diagnostics.warning(
            "starttls.early_octets",
            session=session.id,
            peer=str(session.peer or "local"),
            size_octets=early_octets,
        )
    talk.end_login()
    # RFC 3207 §4.2: the server must forget what it got from the client before.
    session.tls = talk.connection.tls
    session.hello = ""
    session.extended = True
    session.identity = None
    session.remembered = talk.at_connect
