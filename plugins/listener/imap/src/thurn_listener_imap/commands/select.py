"""SELECT and EXAMINE.

    C: 1 SELECT INBOX
    S: * FLAGS (...)
    S: * 3 EXISTS
    S: * OK [UIDVALIDITY 1] UIDs are valid
    S: 1 OK [READ-WRITE] SELECT done

RFC 9051 §6.3.2, §6.3.3, RFC 4466 §2.2.
"""

from __future__ import annotations

import sys
from typing import Final

from thurn.plugin import View
from thurn_wire.imap import code, reply
from thurn_wire.imap.command import Select

from thurn_listener_imap.answer import Answer, done
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.mailbox.selected import Selected
from thurn_listener_imap.permission import READ, may_change, need

_UNSEEN_OCTETS: Final = bytes(octet & 1 for octet in range(256))
"""For each value of the flags' lowest octet, whether Seen is set in it."""
_LOWEST: Final = 0 if sys.byteorder == "little" else 7


async def select(conversation: Conversation, command: Select) -> Answer:
    """Open the mailbox; the one that was open is closed before, also if this fails.

    Raises:
        StorageError: the mailbox cannot be opened.
    """
    _leave(conversation)
    selected = await _open(conversation, command)
    if command.condstore:
        conversation.condstore = True
    conversation.selected = selected
    _write_state(conversation, selected)
    table = conversation.parts.extensions.select_parameters
    try:
        for word, value in command.parameters.items():
            await table[word](conversation, value)
    except BaseException:
        conversation.deselect()
        raise
    name = "EXAMINE" if command.read_only else "SELECT"
    return done(f"{name} done", code.READ_ONLY if selected.read_only else code.READ_WRITE)


def _leave(conversation: Conversation) -> None:
    """Nothing is selected any more; the client is told where the new mailbox begins."""
    if conversation.selected is not None:
        conversation.deselect()
        # RFC 9051 §7.1 (CLOSED): what follows belongs to the new mailbox.
        conversation.write(reply.ok("The mailbox before is closed", code.CLOSED).encode())


async def _open(conversation: Conversation, command: Select) -> Selected:
    """The mailbox, with the newest view told."""
    mailbox = await conversation.account.mailbox(command.mailbox)
    view = await mailbox.view()
    record = mailbox.record
    need(record.rights, READ)
    read_only = command.read_only or not may_change(record.rights)
    named_sets = conversation.parts.extensions.named_sets
    return Selected(mailbox, record, view, read_only=read_only, named_sets=named_sets)


def _write_state(conversation: Conversation, selected: Selected) -> None:
    """The responses that RFC 9051 §6.3.2 and RFC 3501 §6.3.1 require, and those of extensions."""
    view = selected.told
    conversation.write_flags(selected)
    conversation.write(reply.exists(len(view)))
    if not conversation.rev2:
        conversation.write(reply.recent(0))
        unseen = _first_unseen(view)
        if unseen is not None:
            conversation.write(reply.ok("First unseen", code.unseen(unseen + 1)).encode())
    conversation.write(reply.ok("UIDs are valid", code.uidvalidity(view.uidvalidity)).encode())
    conversation.write(reply.ok("Next UID", code.uidnext(view.uidnext)).encode())
    if conversation.rev2:
        # RFC 9051 §6.3.2: a LIST response with the mailbox's name.
        separator = conversation.account.separator
        line = reply.mailbox_list(selected.name, (), separator, utf8=True)
        conversation.write(line)
    for responses in conversation.parts.extensions.select_responses:
        for octets in responses(conversation):
            conversation.write(octets)


def _first_unseen(view: View) -> int | None:
    """The position of the first message without Seen, found at the speed of a copy."""
    lowest = view.flags.tobytes()[_LOWEST :: view.flags.itemsize]
    position = lowest.translate(_UNSEEN_OCTETS).find(0)
    return position if position >= 0 else None
