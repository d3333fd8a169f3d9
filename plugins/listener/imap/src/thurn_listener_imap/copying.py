"""What COPY, MOVE and APPEND share: which messages, and into which mailbox.

Extensions that put messages into mailboxes use it as well (REPLACE, CATENATE and their like).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

from thurn.plugin import CopyResult, MailboxNotFound, mailbox_name
from thurn_wire.imap import code
from thurn_wire.imap.command import Copy, Move

from thurn_listener_imap.answer import NO_SUCH_MESSAGE, CommandRefused, refused
from thurn_listener_imap.contract import ImapConversation
from thurn_listener_imap.mailbox.numbers import present, uids_at
from thurn_listener_imap.permission import INSERT, need


async def wanted_uids(conversation: ImapConversation, command: Copy | Move) -> array[int]:
    """The UIDs of the messages that a command means.

    Raises:
        CommandRefused: a number does not exist, or a message is gone of which the client was not
            told: then nothing is copied. RFC 2180 §4.4.1.
        StorageError: the mailbox cannot be read, or was deleted.
    """
    selected = conversation.mailbox
    try:
        spans = selected.spans(command.sequence, uid=command.uid)
    except ValueError as error:
        raise CommandRefused(NO_SUCH_MESSAGE) from error
    uids = uids_at(spans, selected.told.uids)
    # The client means what it was told; it is told at the end what has changed since.
    existing = present(uids, (await selected.mailbox.view()).uids)
    if len(existing) < len(uids) and not command.uid:
        raise CommandRefused(refused("Some of the messages are gone", code.EXPUNGEISSUED))
    return existing


async def target(conversation: ImapConversation, name: str) -> tuple[str, str]:
    """The name of a mailbox that messages may be put into, and the rights to it.

    Raises:
        StorageError: the name cannot be a mailbox's, or the right is missing.
        CommandRefused: the mailbox does not exist, and CREATE could make it. RFC 9051 §7.1
            (TRYCREATE).
    """
    normal = mailbox_name(name, conversation.account.separator)
    try:
        mailbox = await conversation.account.mailbox(normal)
    except MailboxNotFound as error:
        raise CommandRefused(refused("No such mailbox", code.TRYCREATE)) from error
    rights = mailbox.record.rights
    need(rights, INSERT)
    return normal, rights


def sizes_of(conversation: ImapConversation, uids: Sequence[int]) -> Iterator[int]:
    """The sizes of these messages of the selected mailbox, in octets; found when they are read."""
    view = conversation.mailbox.told
    wanted = set(uids)
    for uid, size_octets in zip(view.uids, view.sizes, strict=True):
        if uid in wanted:
            yield size_octets


def copy_code(result: CopyResult) -> bytes:
    """COPYUID; b"" where nothing was copied. RFC 4315 §3."""
    return code.copyuid(result.uidvalidity, result.source_uids, result.target_uids)
