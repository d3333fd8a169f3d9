"""EHLO, HELO, LHLO.

    C: EHLO client.example.net
    S: 250-mx.example.org
    S: 250 SMTPUTF8

RFC 5321 §4.1.1.1, RFC 2033 §4.1.
"""

from __future__ import annotations

from thurn.plugin import Accept
from thurn_wire.smtp import event
from thurn_wire.smtp.capability import Offer

from thurn_listener_smtp.conversation import Conversation


async def hello(conversation: Conversation, given: event.Hello) -> None:
    """Ask the hello policies, and say what is offered now; an open transaction ends."""
    session = conversation.session
    session.hello = given.name
    session.extended = given.verb != "HELO"
    answer = await conversation.mailflow.hello(session, given.name)
    if not isinstance(answer, Accept):
        await conversation.refuse(answer.status)
        return
    # RFC 4954 §4: the mechanisms depend on the state of the connection. With `require_tls` none is
    # offered in the clear, and the engine answers AUTH with 538.
    mechanisms = () if conversation.lacks_tls else conversation.gate.mechanisms(session)
    conversation.engine.offer(Offer(mechanisms, starttls=conversation.connection.can_start_tls))
    conversation.engine.accept()
    conversation.abandon()  # RFC 5321 §4.1.4
