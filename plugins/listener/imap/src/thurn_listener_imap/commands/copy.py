"""COPY and UID COPY. RFC 9051 §6.4.7, RFC 4315 §3."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from thurn.plugin import CopyResult, MailboxNotFound, mailbox_name
from thurn_wire.imap import code
from thurn_wire.imap.command import Copy, Move

from thurn_listener_imap.answer import NO_SUCH_MESSAGE, Answer, CommandRefused, done, refused
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.mailbox.numbers import present, uids_at
from thurn_listener_imap.permission import INSERT, need


async def copy(conversation: Conversation, command: Copy) -> Answer:
    """Copy all messages of the set or none.

    Raises:
        StorageError: nothing was copied.
    """
    uids = await wanted_uids(conversation, command)
    name = await target_name(conversation, command.mailbox)
    if not uids:
        return done("There was nothing to copy")
    await conversation.guard(name, size_of(conversation, uids))
    try:
        result = await conversation.mailbox.mailbox.copy(uids, name)
    except MailboxNotFound:
        await target_name(conversation, name)  # it may be the target that has gone
        raise
    return done("COPY done", copy_code(result))


async def wanted_uids(conversation: Conversation, command: Copy | Move) -> array[int]:
    """The UIDs that a command means.

    Raises:
        CommandRefused: a number that does not exist, or a message that is gone while the client
            was not told: then nothing is copied. RFC 2180 §4.4.1.
        StorageError: the mailbox cannot be read, or has gone.
    """
    selected = conversation.mailbox
    try:
        spans = selected.spans(command.sequence, uid=command.uid)
    except ValueError as error:
        raise CommandRefused(NO_SUCH_MESSAGE) from error
    uids = uids_at(spans, selected.told.uids)
    # The client means what it was told of; what is there now is told at the end.
    there = present(uids, (await selected.mailbox.view()).uids)
    if len(there) < len(uids) and not command.uid:
        raise CommandRefused(refused("Some of the messages are gone", code.EXPUNGEISSUED))
    return there


async def target_name(conversation: Conversation, name: str) -> str:
    """The target's name; otherwise as `target`."""
    return (await target(conversation, name))[0]


async def target(conversation: Conversation, name: str) -> tuple[str, str]:
    """The target's name and the rights to it, where it is there and messages may be put into it.

    Raises:
        StorageError: the name is no name, or the right is missing.
        CommandRefused: there is none, but CREATE could make it. RFC 9051 §7.1 (TRYCREATE).
    """
    normal = mailbox_name(name, conversation.account.separator)
    try:
        mailbox = await conversation.account.mailbox(normal)
    except MailboxNotFound as error:
        raise CommandRefused(refused("No such mailbox", code.TRYCREATE)) from error
    rights = mailbox.record.rights
    need(rights, INSERT)
    return normal, rights


def size_of(conversation: Conversation, uids: Sequence[int]) -> int:
    """The octets of these messages, for guards."""
    if not conversation.site.guards:
        return 0
    view = conversation.mailbox.told
    wanted = set(uids)
    return sum(size for uid, size in zip(view.uids, view.sizes, strict=True) if uid in wanted)


def copy_code(result: CopyResult) -> bytes:
    """COPYUID, or nothing where nothing was copied."""
    return code.copyuid(result.uidvalidity, result.source_uids, result.target_uids)
