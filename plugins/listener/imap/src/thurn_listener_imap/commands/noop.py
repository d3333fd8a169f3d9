"""NOOP and CHECK. RFC 9051 §6.1.2, RFC 3501 §6.4.1."""

from __future__ import annotations

from thurn_wire.imap.command import Check, Noop
from thurn_wire.imap.reply import Reply, ok

from thurn_listener_imap.conversation import Conversation


async def noop(_conversation: Conversation, command: Noop | Check) -> Reply:
    """Nothing but what is told of other sessions at the end of every command."""
    return ok(f"{command.NAME} done")
