r"""APPEND, of one message or of several.

    C: 1 APPEND Sent (\Seen) {11+}
    C: Subject: x
    S: 1 OK [APPENDUID 1 4] APPEND done

Rule of this file: nothing is stored before the last message of the command is whole; then all
messages are stored, or none.

RFC 9051 §6.3.12, RFC 3502, RFC 4315 §3.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from thurn.plugin import Append as StoreAppend
from thurn.plugin import MailboxNotFound, Stored
from thurn_wire.imap import code
from thurn_wire.imap.command import Append, AppendItem
from thurn_wire.imap.event import AppendCancelled, AppendChunk, AppendDone, AppendMessage

from thurn_listener_imap.answer import Answer, CommandRefused, done, refused
from thurn_listener_imap.answering import answer_of, finish
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.copying import target
from thurn_listener_imap.incoming import IncomingMessages
from thurn_listener_imap.permission import permitted_flags

TOTAL_OCTETS: Final = 1_073_741_824
"""Octets of all messages of one command; they wait on disk until the last one has come."""


async def append(conversation: Conversation, command: Append) -> Answer | None:
    """Begin, if the target is there.

    Raises:
        StorageError: the name cannot be a mailbox's, or the right is missing.
        CommandRefused: the mailbox does not exist; CREATE could make it.
    """
    name, rights = await target(conversation, command.mailbox)
    share = conversation.context.ledger.share(str(conversation.account.account))
    conversation.incoming = IncomingMessages(name, rights, conversation.parts.spool, share)
    conversation.begin_pace()
    conversation.engine.accept()
    return None


async def announce(conversation: Conversation, given: AppendMessage) -> None:
    """Let the next message come, or refuse the whole command."""
    answer = await answer_of(conversation, _announce(conversation, given.item))
    if answer is None:
        conversation.engine.accept()
    else:
        conversation.drop_incoming()
        await finish(conversation, answer)


async def _announce(conversation: Conversation, item: AppendItem) -> None:
    incoming = _incoming(conversation)
    if item.binary:
        raise CommandRefused(refused("Binary messages are not taken here", code.UNKNOWN_CTE))
    # The whole command counts, since all of it is stored at once.
    total_octets = incoming.total_octets + item.size_octets
    if total_octets > TOTAL_OCTETS:
        raise CommandRefused(refused("Too much for one command", code.TOOBIG))
    incoming.announce(item)
    await _guard(conversation, incoming)


async def take(conversation: Conversation, given: AppendChunk) -> None:
    """Some octets of the message that was announced last."""
    await _incoming(conversation).take(given.octets, last=given.last)


async def store(conversation: Conversation, _: AppendDone) -> None:
    """All messages have come: store them."""
    try:
        answer = await answer_of(conversation, _store(conversation))
    finally:
        conversation.drop_incoming()
    if answer is not None:
        await finish(conversation, answer)


async def cancel(conversation: Conversation, _: AppendCancelled) -> None:
    """The engine has refused the command."""
    conversation.drop_incoming()


async def _store(conversation: Conversation) -> Answer:
    incoming = _incoming(conversation)
    await _guard(conversation, incoming)  # the octets may have taken longer than a hold lasts
    now = datetime.fromtimestamp(conversation.context.clock.wall(), UTC)
    appends = [
        StoreAppend(
            incoming.mailbox,
            message.content(),
            message.item.received or now,
            permitted_flags(incoming.rights, message.item.flags),
        )
        for message in incoming.messages
    ]
    try:
        stored = await _append_all(conversation, incoming, appends)
    except MailboxNotFound as error:  # it was deleted while the messages came
        raise CommandRefused(refused("No such mailbox", code.TRYCREATE)) from error
    uids = [one.uid for one in stored]
    return done("APPEND done", code.appenduid(stored[0].uidvalidity, uids))


async def _append_all(
    conversation: Conversation, incoming: IncomingMessages, appends: list[StoreAppend]
) -> Sequence[Stored]:
    """Store the messages, in turn if one of them has to be read from its file."""
    if not incoming.scan_octets:
        return await conversation.account.append_all(appends)
    incoming.give_memory_back()
    async with conversation.context.ledger.scan_turn(incoming.scan_octets):
        return await conversation.account.append_all(appends)


async def _guard(conversation: Conversation, incoming: IncomingMessages) -> None:
    """Ask the guards about all messages that were announced. Raises StorageError."""
    sizes = [message.item.size_octets for message in incoming.messages]
    await conversation.guard(incoming.mailbox, sizes)


def _incoming(conversation: Conversation) -> IncomingMessages:
    """The messages under way: the engine takes none outside of APPEND."""
    if conversation.incoming is None:
        raise RuntimeError("a message outside APPEND")
    return conversation.incoming
