"""The greeting, or a refusal instead of it.

    S: 220 mx.example.org ESMTP

RFC 5321 §3.1.
"""

from __future__ import annotations

import trio
from thurn.plugin import Accept
from thurn_wire.smtp import event
from thurn_wire.smtp.reply import Reply

from thurn_listener_smtp.conversation import Conversation
from thurn_listener_smtp.reply import greeting_refusal


async def greet(conversation: Conversation, _: event.Connected) -> None:
    """Ask the connection policies, listen for early talkers, greet."""
    settings, hostname = conversation.parts.settings, conversation.parts.engine.hostname
    answer = await conversation.mailflow.connect(conversation.session)
    conversation.at_connect = conversation.session.remembered
    if not isinstance(answer, Accept):
        conversation.engine.send(greeting_refusal(answer.status, hostname))
        return
    if settings.early_talkers == "refuse":
        await _listen(conversation, settings.greeting_delay)
        if conversation.engine.early_talker:
            conversation.parts.diagnostics.info(
                "session.refused",
                peer=str(conversation.session.peer or "local"),
                listener=conversation.session.listener,
                session=conversation.session.id,
                code=554,
                reason="early.talker",
            )
            # RFC 5321 §4.3.1: a mail server waits for the greeting.
            conversation.engine.send(
                Reply(554, None, (f"{hostname} You spoke before the greeting",))
            )
            return
    conversation.engine.accept(*((settings.greeting,) if settings.greeting else ()))


async def _listen(conversation: Conversation, seconds: float) -> None:
    """Give the engine what the peer sends before the greeting."""
    octets = None
    with trio.move_on_after(seconds):
        octets = await conversation.connection.receive()
    if octets is not None:
        conversation.engine.receive_data(octets)
