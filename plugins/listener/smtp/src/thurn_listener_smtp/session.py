"""The session: octets to the engine, its events to the commands, its replies to the peer.

Rules of this file:
1. It decides nothing; each event is answered before the next one is asked for.
2. However a session ends, nothing of it is left (transaction, SASL exchange, file).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

from thurn_wire.smtp import event
from thurn_wire.smtp.event import NEED_DATA, Reason

from thurn_listener_smtp.commands import auth, content, greeting, hello, mail, rcpt, starttls
from thurn_listener_smtp.conversation import Conversation

Reaction: TypeAlias = Callable[[Conversation, Any], Awaitable[None]]

REACTIONS: Final[Mapping[type[object], Reaction]] = {
    event.Connected: greeting.greet,
    event.Hello: hello.hello,
    event.StartTls: starttls.start_tls,
    event.Auth: auth.auth,
    event.AuthResponse: auth.respond,
    event.AuthCancelled: auth.cancel,
    event.Mail: mail.mail,
    event.Reset: mail.reset,
    event.Recipient: rcpt.rcpt,
    event.DataBegin: content.begin,
    event.DataChunk: content.spill,
    event.Message: content.message,
    event.ContentRefused: content.refused,
}
"""What is done about each event; the engine answers VRFY and EXPN itself (RFC 5321 §7.3)."""
NOTEWORTHY: Final = frozenset({Reason.TOO_MANY_ERRORS, Reason.FOREIGN})
"""Reasons for the end of a session that are written into the log."""


async def converse(conversation: Conversation) -> None:
    """Speak until the peer or the session is done.

    Raises:
        OSError: the connection is lost.

    Cancellation: an open transaction is abandoned, unless its commit has begun.
    """
    engine = conversation.engine
    try:
        while True:
            happened = engine.next_event()
            if happened is NEED_DATA:
                await conversation.receive()
            elif isinstance(happened, event.Closed):
                await conversation.flush()
                _note_end(conversation, happened.reason)
                return
            else:
                await REACTIONS[type(happened)](conversation, happened)
                if conversation.is_late:
                    await conversation.flush()
    finally:
        conversation.abandon()
        conversation.end_login()


def _note_end(conversation: Conversation, reason: Reason) -> None:
    if reason in NOTEWORTHY:
        session = conversation.session
        conversation.parts.diagnostics.info(
            "session.ended",
            session=session.id,
            peer=str(session.peer or "local"),
            reason=reason.value,
        )
