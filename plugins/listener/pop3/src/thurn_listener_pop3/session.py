"""The session: octets to the engine, its events to the commands, its replies to the client.

Rules of this file:
1. It decides nothing; each event is answered before the next one is asked for.
2. However a session ends, nothing of it is left (SASL exchange, lock). Its marks are dropped unless
   it ended by QUIT. RFC 1939 §6.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

from thurn_wire.pop3 import event
from thurn_wire.pop3.event import NEED_DATA, Pause

from thurn_listener_pop3.commands import login, retrieve, stls
from thurn_listener_pop3.commands.quit import update
from thurn_listener_pop3.conversation import Conversation
from thurn_listener_pop3.limits import FAILED_LOGINS

Reaction: TypeAlias = Callable[[Conversation, Any], Awaitable[None]]

REACTIONS: Final[Mapping[type[object], Reaction]] = {
    event.Connected: login.greet,
    event.StartTls: stls.start_tls,
    event.PasswordLogin: login.password,
    event.Apop: login.digest,
    event.Auth: login.auth,
    event.AuthResponse: login.respond,
    event.AuthCancelled: login.cancel,
    event.Retrieve: retrieve.retr,
    event.Top: retrieve.top,
    event.Update: update,
}
"""What is done about each event; the engine answers all other commands itself."""


async def converse(conversation: Conversation) -> None:
    """Speak until the client or the session is done.

    Raises:
        OSError: the connection is lost.

    Cancellation: nothing is deleted, except what QUIT was just removing.
    """
    engine = conversation.engine
    try:
        while conversation.failed_logins < FAILED_LOGINS:
            happened = engine.next_event()
            if happened is NEED_DATA:
                await conversation.receive()
            elif isinstance(happened, Pause):
                await conversation.flush()
            elif isinstance(happened, event.Closed):
                break
            else:
                await REACTIONS[type(happened)](conversation, happened)
                await conversation.relieve()
        await conversation.flush()
    finally:
        conversation.end_login()
        await conversation.leave()
