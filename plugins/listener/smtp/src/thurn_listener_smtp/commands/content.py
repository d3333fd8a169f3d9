"""DATA and BDAT: the content, and the answer that takes responsibility for it.

    C: DATA
    S: 354 Go ahead
    C: Subject: x
    C: .
    S: 250 2.0.0 Ok

Only the mail flow says 250 to a message. A message that cannot be written, is too large or has bare
line ends is refused at its true end, in step with the peer.

RFC 5321 §4.1.1.4, RFC 3030 §2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import trio
from thurn.plugin import (
    SPILL_OCTETS,
    Blob,
    Outcome,
    Status,
    StorageError,
    Transaction,
    status_of,
)
from thurn_kit.holder import holder_of
from thurn_kit.pace import Pace
from thurn_wire.smtp import event
from thurn_wire.smtp.config import Profile
from thurn_wire.smtp.reply import Reply
from thurn_wire.smtp.state import State

from thurn_listener_smtp.conversation import Conversation
from thurn_listener_smtp.limits import MESSAGE_SECONDS
from thurn_listener_smtp.reply import reply_of

_CLOSING: Final = Reply(421, "4.7.0", ("Closing connection",))
_REFUSALS: Final[Mapping[int, str]] = {
    552: "content.size",  # RFC 1870 §6.3
    550: "content.line_ends",  # RFC 5321 §2.3.8
    501: "content.syntax",  # RFC 3030 §2
}
"""The reason in the journal, by the code of the engine's refusal."""


async def begin(conversation: Conversation, given: event.DataBegin) -> None:
    """Let the content come, if there is room for it on the disk."""
    transaction, session = _transaction(conversation), conversation.session
    parts = conversation.parts
    if conversation.share is None:  # not at the second BDAT of a message
        conversation.pace = Pace(
            parts.settings, trio.current_time(), is_logged_in=session.identity is not None
        )
        conversation.share = parts.ledger.share(holder_of(session))
    try:
        conversation.share.reserve_disk(_announced_octets(transaction))
    except StorageError as error:
        status = status_of(error)
        conversation.mailflow.refuse(transaction, status, "content.unwritable")
        conversation.end_transaction()
        await conversation.refuse(status)
        return
    conversation.engine.accept()


def _announced_octets(transaction: Transaction) -> int:
    """The size that MAIL has announced, which the engine has checked; 0: none. RFC 1870 §4."""
    return int(transaction.parameters.get("SIZE") or 0)


async def spill(conversation: Conversation, given: event.DataChunk) -> None:
    """Write a piece of a large content to its file."""
    await conversation.spill(given.octets)


async def message(conversation: Conversation, given: event.Message) -> None:
    """Hand the message to the mail flow; answer when it is durable, or why it is not."""
    transaction = _transaction(conversation)
    try:
        blob = await _whole(conversation, given.octets)
    except StorageError as error:
        status = status_of(error)
        conversation.mailflow.refuse(transaction, status, "content.unwritable")
        conversation.end_transaction()
        await conversation.refuse(status)
        return
    await conversation.flush()
    conversation.connection.extend(max(MESSAGE_SECONDS, conversation.parts.settings.idle))
    each = conversation.parts.engine.profile is Profile.LMTP
    outcome = await conversation.mailflow.message(
        transaction, blob, replies="each" if each else "one"
    )
    conversation.end_transaction()
    _answer(conversation, outcome, each=each)


async def _whole(conversation: Conversation, octets: bytes) -> Blob:
    """The content, in memory or in its file. What came in one read with its end was never a piece,
    and may be above the bound."""
    if conversation.spooled is None and len(octets) <= SPILL_OCTETS:
        return Blob(octets)
    await conversation.spill(octets)
    if conversation.spooled is None:
        raise RuntimeError("a spilled content has no file")
    return conversation.spooled.blob()


async def refused(conversation: Conversation, given: event.ContentRefused) -> None:
    """The engine has refused the content; see `_REFUSALS`."""
    reply = given.reply
    reason = _REFUSALS[reply.code]
    status = Status(reply.code, reply.enhanced or "5.0.0", reply.text[0])
    conversation.mailflow.refuse(_transaction(conversation), status, reason)
    conversation.end_transaction()


def _answer(conversation: Conversation, outcome: Outcome, *, each: bool) -> None:
    if any(status.is_success for status in outcome.statuses):
        conversation.refusals = 0
    if each:  # RFC 2033 §4.2: one for each accepted RCPT, in order
        conversation.engine.send_replies([reply_of(status) for status in outcome.statuses])
    else:
        conversation.engine.send(reply_of(outcome.statuses[0]))
    if outcome.disconnect and conversation.engine.state is not State.CLOSED:
        conversation.engine.send(_CLOSING)


def _transaction(conversation: Conversation) -> Transaction:
    """The open transaction: the engine takes no content outside of one."""
    if conversation.transaction is None:
        raise RuntimeError("content outside a transaction")
    return conversation.transaction
