"""From the end of a command to its tagged answer.

Rules of this file:
1. Every command ends with what other sessions did meanwhile, then its tagged answer; no EXPUNGE
   while message numbers are in use. RFC 9051 §7.5.1.
2. A selected mailbox that was deleted ends the session with BYE, behind the tagged answer of the
   command that found out, so that no client asks again for what was done. RFC 2180 §3.4.
"""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import suppress

import trio
from thurn.plugin import ThurnError
from thurn_wire.imap.state import State

from thurn_listener_imap.answer import Answer, CommandRefused
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.extension import Updates
from thurn_listener_imap.limits import FAILED_LOGINS
from thurn_listener_imap.refusal import answer_to, is_internal


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
    """End a command: updates, the tagged answer, and the session if it is over.

    Cancellation: the answer is given all the same, if the kernel takes it at once. A client that
    does not hear that its message is stored, or copied, does it again.
    """
    engine = conversation.engine
    if conversation.holds:
        await conversation.end_holds()
    if engine.state is State.CLOSED:
        return
    if updates is not Updates.NONE and not conversation.has_told:
        try:
            await conversation.tell_updates(may_expunge=updates is Updates.ALL)
        except trio.Cancelled:
            engine.send(answer)
            with suppress(OSError):  # an earlier send was interrupted
                await conversation.flush()
            raise
    engine.send(answer)
    if conversation.selected is None and engine.state is State.SELECTED:
        engine.deselect()  # the session has deleted its own mailbox
    if conversation.is_mailbox_gone:
        conversation.end("The selected mailbox is gone")
    elif conversation.failed_logins >= FAILED_LOGINS:
        conversation.end("Too many failed logins")


def end_take_over(conversation: Conversation) -> None:
    """Read commands again, if a command has taken over the connection and answered by itself."""
    if conversation.engine.is_taken_over:
        conversation.engine.hand_back()
