"""The session: octets to the engine, its events to the commands, its replies to the peer.

Rules of this file: it decides nothing; each event is answered before the next is asked for; when
it ends, however it ends, nothing of it is left (transaction, exchange, file).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

from thurn_wire.smtp import event
from thurn_wire.smtp.event import NEED_DATA, Reason

from thurn_listener_smtp.command import auth, content, greeting, hello, mail, rcpt, starttls
from thurn_listener_smtp.conversation import Conversation

Step: TypeAlias = Callable[[Conversation, Any], Awaitable[None]]

STEPS: Final[Mapping[type[object], Step]] = {
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
"""What is done about each event; VRFY and EXPN are the engine's own (RFC 5321 §7.3)."""
NOTEWORTHY: Final = frozenset({Reason.TOO_MANY_ERRORS, Reason.FOREIGN})
"""Ends of a session that are worth a line in the log."""


async def converse(talk: Conversation) -> None:
    """Speak until the peer or the session is done.

    Raises:
        OSError: the connection is lost.

    Cancellation: an open transaction is abandoned, unless its commit has begun.
    """
    engine = talk.engine
    try:
        while True:
            happened = engine.next_event()
            if happened is NEED_DATA:
                await talk.receive()
            elif isinstance(happened, event.Closed):
                await talk.flush()
                _note_end(talk, happened.reason)
                return
            else:
                await STEPS[type(happened)](talk, happened)
                if talk.is_late:
                    await talk.flush()
    finally:
        talk.abandon()
        talk.end_login()


def _note_end(talk: Conversation, reason: Reason) -> None:
    if reason in NOTEWORTHY:
        session = talk.session
        talk.parts.diagnostics.info(
            "session.ended",
            session=session.id,
            peer=str(session.peer or "local"),
            reason=reason.value,
        )
