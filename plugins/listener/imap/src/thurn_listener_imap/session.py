"""The session: octets to the engine, its events to the commands, responses to the client.

Rules of this file:
1. What one receive brings is answered with one send, unless that becomes much (`Conversation`).
2. While the worker closes, what has been received is answered, then the session ends with BYE.
3. However a session ends, nothing of it is left (SASL exchange, APPEND, file).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

from thurn_wire.imap import code, event
from thurn_wire.imap.event import NEED_DATA, Pause

from thurn_listener_imap.answer import done, wrong
from thurn_listener_imap.answering import answer_of, end_take_over, finish
from thurn_listener_imap.commands import append, idle, login
from thurn_listener_imap.commands.table import BASE_COMMANDS
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.extension import Updates
from thurn_listener_imap.fetch.item import CutOff

Reaction: TypeAlias = Callable[[Conversation, Any], Awaitable[None]]


async def converse(conversation: Conversation) -> None:
    """Speak until the client or the session is done.

    Raises:
        OSError: the connection is lost.

    Cancellation: of the command under way, everything was done or nothing.
    """
    engine = conversation.engine
    try:
        while True:
            happened = engine.next_event()
            if happened is NEED_DATA:
                if not await conversation.receive():
                    await idle.wake(conversation)
            elif isinstance(happened, event.Closed):
                await conversation.flush()
                return
            elif isinstance(happened, Pause):
                raise RuntimeError(f"an event was not answered in state {engine.state}")
            else:
                await REACTIONS[type(happened)](conversation, happened)
                await conversation.relieve()
    except CutOff as error:
        # Without another word, since it would be taken for octets of the literal.
        conversation.report("message.cut_off", error)
    finally:
        conversation.end_login()
        conversation.drop_incoming()
        await conversation.end_holds()


async def greet(conversation: Conversation, _: event.Connected) -> None:
    """Greet, and say what the client may use."""
    words = code.capability(conversation.capabilities())
    conversation.engine.send(done(f"{conversation.context.hostname} ready", words))


async def request(conversation: Conversation, given: event.Request) -> None:
    """Carry out a command of the base or of an extension."""
    command = given.command
    conversation.tag = given.tag
    conversation.has_told = False
    kind = BASE_COMMANDS.get(type(command)) or conversation.parts.extensions.commands.get(
        type(command)
    )
    if kind is None:
        await finish(conversation, wrong(f"{command.NAME} is not done here"), Updates.NONE)
        return
    answer = await answer_of(conversation, kind.run(conversation, command))
    if answer is None:
        end_take_over(conversation)
    else:
        updates = kind.updates if isinstance(kind.updates, Updates) else kind.updates(command)
        await finish(conversation, answer, updates)


REACTIONS: Final[Mapping[type[object], Reaction]] = {
    event.Connected: greet,
    event.Request: request,
    event.AuthResponse: login.respond,
    event.AuthCancelled: login.cancel,
    event.AppendMessage: append.announce,
    event.AppendChunk: append.take,
    event.AppendDone: append.store,
    event.AppendCancelled: append.cancel,
    event.IdleDone: idle.end,
}
"""What is done about each event."""
