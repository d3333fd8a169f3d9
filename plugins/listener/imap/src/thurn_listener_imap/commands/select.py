"""SELECT and EXAMINE. RFC 9051 §6.3.2, §6.3.3."""

from __future__ import annotations

import sys
from typing import Final

from thurn.plugin import Mailbox, View
from thurn_wire.imap import code, response
from thurn_wire.imap.command import Select

from thurn_listener_imap.answer import Answer, done
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.mailbox.selected import Selected
from thurn_listener_imap.permission import READ, may_change, need

_UNSEEN_OCTETS: Final = bytes(octet & 1 for octet in range(256))
"""For each value of the flags' lowest octet, whether Seen is in it."""
_LOWEST: Final = 0 if sys.byteorder == "little" else 7


async def select(conversation: Conversation, command: Select) -> Answer:
    """Open the mailbox; whatever comes of it, the one that was open is closed before.

    Raises:
        StorageError: it cannot be opened.
    """
    leave(conversation)
    mailbox = await conversation.account.mailbox(command.mailbox)
    selected = await open_mailbox(mailbox, read_only=command.read_only)
    if command.condstore:
        conversation.condstore = True
    conversation.selected = selected
    write_state(conversation, selected)
    parameters = conversation.site.extensions.select_parameters
    for word, value in command.parameters.items():
        if word in parameters:
            await parameters[word](conversation, value)
    name = "EXAMINE" if command.read_only else "SELECT"
    if selected.read_only:
        return done(f"{name} done", code.READ_ONLY)
    return done(f"{name} done", code.READ_WRITE)


def leave(conversation: Conversation) -> None:
    """Nothing is selected any more; the client is told where the new mailbox begins."""
    if conversation.selected is not None:
        conversation.selected = None
        # RFC 9051 §7.1 (CLOSED): what follows belongs to the new mailbox.
        conversation.write(response.ok(b"*", "The mailbox before is closed", code.CLOSED))


async def open_mailbox(mailbox: Mailbox, *, read_only: bool) -> Selected:
    """The mailbox, with the newest view told."""
    view = await mailbox.view()
    record = mailbox.record
    need(record.rights, READ)
    read_only = read_only or not may_change(record.rights)
    return Selected(mailbox, record, view, read_only=read_only)


def write_state(conversation: Conversation, selected: Selected) -> None:
    """The responses that RFC 9051 §6.3.2 and RFC 3501 §6.3.1 require, and those of extensions."""
    view = selected.told
    conversation.write_flags(selected)
    conversation.write(response.exists(len(view)))
    if not conversation.rev2:
        conversation.write(response.recent(0))
        unseen = first_unseen(view)
        if unseen is not None:
            conversation.write(response.ok(b"*", "First unseen", code.unseen(unseen + 1)))
    conversation.write(response.ok(b"*", "UIDs are valid", code.uidvalidity(view.uidvalidity)))
    conversation.write(response.ok(b"*", "Next UID", code.uidnext(view.uidnext)))
    if conversation.rev2:
        # RFC 9051 §6.3.2: a LIST response with the mailbox's name.
        separator = conversation.account.separator
        line = response.mailbox_list(selected.name, (), separator, utf8=True)
        conversation.write(line)
    for contribution in conversation.site.extensions.select_responses:
        for octets in contribution(conversation):
            conversation.write(octets)


def first_unseen(view: View) -> int | None:
    """The position of the first message without Seen, at the speed of a copy."""
    lowest = view.flags.tobytes()[_LOWEST :: view.flags.itemsize]
    found = lowest.translate(_UNSEEN_OCTETS).find(0)
    return found if found >= 0 else None
