"""The beginning: 220, or 554 for whom we do not serve. RFC 5321 §3.1."""

from __future__ import annotations

import trio
from thurn.plugin import Accept
from thurn_wire.smtp import event
from thurn_wire.smtp.reply import Reply

from thurn_listener_smtp.conversation import Conversation
from thurn_listener_smtp.reply import greeting_refusal


async def greet(talk: Conversation, _: event.Connected) -> None:
    """Ask the connection policies, listen for early talkers, greet."""
    settings, hostname = talk.parts.settings, talk.parts.engine.hostname
    answer = await talk.mailflow.connect(talk.session)
    talk.at_connect = talk.session.remembered
    if not isinstance(answer, Accept):
        talk.engine.send(greeting_refusal(answer.status, hostname))
        return
    if settings.early_talkers == "refuse":
        await _listen(talk, settings.greeting_delay)
        if talk.engine.early_talker:
            talk.parts.diagnostics.info(
                "session.refused",
                session=talk.session.id,
                peer=str(talk.session.peer or "local"),
                reason="early.talker",
            )
            # RFC 5321 §4.3.1: the sender waits for the greeting; who does not is no mail server.
            talk.engine.send(Reply(554, None, (f"{hostname} You spoke before the greeting",)))
            return
    talk.engine.accept(*((settings.greeting,) if settings.greeting else ()))


async def _listen(talk: Conversation, seconds: float) -> None:
    """Give the engine what has come before the greeting, if anything has."""
    octets = None
    with trio.move_on_after(seconds):
        octets = await talk.connection.receive()
    if octets is not None:
        talk.engine.receive_data(octets)
