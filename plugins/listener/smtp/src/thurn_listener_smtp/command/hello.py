"""EHLO, HELO, LHLO. RFC 5321 §4.1.1.1, RFC 2033 §4.1."""

from __future__ import annotations

from thurn.plugin import Accept
from thurn_wire.smtp import event
from thurn_wire.smtp.capability import Offer

from thurn_listener_smtp.conversation import Conversation


async def hello(talk: Conversation, given: event.Hello) -> None:
    """Ask the hello policies; say what is offered now. Ends an open transaction."""
    session = talk.session
    session.hello = given.name
    session.extended = given.verb != "HELO"
    answer = await talk.mailflow.hello(session, given.name)
    if not isinstance(answer, Accept):
        await talk.refuse(answer.status)
        return
    # RFC 4954 §4: mechanisms depend on what the connection is now. With `require_tls` none is
    # offered in the clear, and the engine answers AUTH by 538.
    mechanisms = () if talk.lacks_tls else talk.gate.mechanisms(session)
    talk.engine.offer(Offer(mechanisms, starttls=talk.connection.can_start_tls))
    talk.engine.accept()
    talk.abandon()  # RFC 5321 §4.1.4
