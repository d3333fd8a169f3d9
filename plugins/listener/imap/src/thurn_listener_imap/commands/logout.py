"""LOGOUT.

    C: 1 LOGOUT
    S: * BYE Until next time
    S: 1 OK LOGOUT done

RFC 9051 §6.1.3.
"""

from __future__ import annotations

from thurn_wire.imap.command import Logout

from thurn_listener_imap.answer import Answer, done
from thurn_listener_imap.conversation import Conversation


async def logout(conversation: Conversation, _command: Logout) -> Answer | None:
    """End the session; BYE comes before the tagged answer."""
    answer = done("LOGOUT done")
    conversation.end("Until next time")
    conversation.write(answer.encode(conversation.tag))
    return None
