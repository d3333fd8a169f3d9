"""From the end of a command to its tagged answer.

Rules of this file:
1. Every command ends with what other sessions did meanwhile, then its tagged answer; no EXPUNGE
   while message numbers are in use. RFC 9051 §7.5.1.
2. The engine learns from the answer whether a command that changes its state has succeeded.
3. A selected mailbox that was deleted ends the session with BYE, behind the tagged answer of the
   command that found out, so that no client asks again for what was done. RFC 2180 §3.4.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final

import trio
from thurn.plugin import ThurnError
from thurn_wire.imap.server import ImapServer
from thurn_wire.imap.state import COMMANDING, TAKEN_OVER, State

from thurn_listener_imap.answer import Answer, CommandRefused
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.extension import Updates
from thurn_listener_imap.limits import FAILED_LOGINS
from thurn_listener_imap.refusal import answer_to, is_internal

_ACCEPT: Final[Mapping[State, Callable[[ImapServer], None]]] = {
    State.LOGIN_GIVEN: ImapServer.accept_login,
    State.SELECTING: ImapServer.accept_select,
}
"""The verb for a command that has succeeded, where the engine waits for one."""

_DENIED: Final = frozenset(
    (*_ACCEPT, State.TLS_ASKED, State.APPEND_ASKED, State.APPEND_ASKED_SELECTED)
)
"""States in which the engine has to learn that a command was refused."""

_SELECTED: Final = frozenset((State.SELECTED, State.TAKEN_OVER_SELECTED))
"""States in which the engine takes a mailbox for selected."""


async def answer_of(conversation: Conversation, work: Awaitable[Answer | None]) -> Answer | None:
    """The answer of a piece of work, whatever it raises."""
    try:
        return await work
    except CommandRefused as error:
        return error.answer
    except ThurnError as error:
        if is_internal(error):
            conversation.report("command.failed", error)
        return answer_to(error)


async def finish(
    conversation: Conversation, answer: Answer, updates: Updates = Updates.ALL
) -> None:
    """End a command: updates, the engine's verb, the tagged answer, and the session if it is over.

    Cancellation: the answer is given all the same, if the kernel takes it at once. A client that
    does not hear that its message is stored, or copied, does it again.
    """
    engine = conversation.engine
    if engine.state is State.CLOSED:
        return
    if updates is not Updates.NONE and not conversation.has_told:
        try:
            await conversation.tell_updates(may_expunge=updates is Updates.ALL)
        except trio.Cancelled:
            conversation.write(answer.encode(conversation.tag))
            with suppress(OSError):  # an earlier send was interrupted
                await conversation.flush()
            raise
    _tell_engine(conversation, answer)
    conversation.write(answer.encode(conversation.tag))
    if conversation.is_mailbox_gone:
        conversation.end("The selected mailbox is gone")
    elif conversation.failed_logins >= FAILED_LOGINS:
        conversation.end("Too many failed logins")


def _tell_engine(conversation: Conversation, answer: Answer) -> None:
    engine = conversation.engine
    state = engine.state
    if conversation.selected is None and state in _SELECTED:
        engine.deselect()  # the session has deleted its own mailbox
    if state in COMMANDING:
        return
    if answer.is_ok and state in _ACCEPT:
        _ACCEPT[state](engine)
    elif state in _DENIED:
        engine.deny()
    else:
        end_take_over(conversation)


def end_take_over(conversation: Conversation) -> None:
    """Read commands again, if a command has taken over the connection."""
    if conversation.engine.state in TAKEN_OVER:
        conversation.engine.hand_back()
