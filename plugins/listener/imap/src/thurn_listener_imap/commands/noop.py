"""NOOP and CHECK.

    C: 1 NOOP
    S: * 4 EXISTS
    S: 1 OK NOOP done

RFC 9051 §6.1.2, RFC 3501 §6.4.1.
"""

from __future__ import annotations

from thurn_wire.imap.command import Check, Noop

from thurn_listener_imap.answer import Answer, done
from thurn_listener_imap.conversation import Conversation


async def noop(_conversation: Conversation, command: Noop | Check) -> Answer:
    """Do nothing; what other sessions did is told at the end of every command."""
    return done(f"{command.NAME} done")
