"""QUIT: the UPDATE state, in which marked messages are removed.

    C: QUIT
    S: +OK bye, 2 messages removed

Only QUIT deletes: all marked messages are removed, or none.

RFC 1939 §6.
"""

from __future__ import annotations

from thurn.plugin import ThurnError, status_of
from thurn_wire.pop3 import event
from thurn_wire.pop3.reply import error, ok

from thurn_listener_pop3.conversation import Conversation
from thurn_listener_pop3.maildrop import OpenMaildrop
from thurn_listener_pop3.refusal import code_of


async def update(conversation: Conversation, given: event.Update) -> None:
    """Remove what was marked, and answer."""
    engine, maildrop = conversation.engine, conversation.open_maildrop
    try:
        removed = await maildrop.remove(given.deleted)
    except ThurnError as failure:
        conversation.report("maildrop.not_updated", failure)
        # RFC 1939 §6: "some deleted messages not removed" is -ERR, and the session ends.
        text = "no deleted message was removed" if given.deleted else status_of(failure).text
        reply = error(text, code_of(failure))
    else:
        reply = ok(f"bye, {removed} messages removed")
        await _mark_seen(conversation, maildrop)
    # Before the answer, since whoever reads it may log in at once.
    await conversation.leave()
    engine.send(reply)


async def _mark_seen(conversation: Conversation, maildrop: OpenMaildrop) -> None:
    """Set the flags; an error changes no answer, since POP3 does not know flags."""
    if not conversation.parts.settings.mark_seen:
        return
    try:
        await maildrop.mark_seen()
    except ThurnError as failure:
        conversation.report("message.not_marked", failure)
