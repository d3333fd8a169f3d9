"""DATA and BDAT: the content, and the answer that takes responsibility. RFC 5321 §4.1.1.4.

Only the mail flow says 250 to a message. What cannot be written, is too large or has bare line
ends is refused at its true end, in step with the peer.
"""

from __future__ import annotations

from typing import Final

from thurn.plugin import Blob, Outcome, Status, StorageError, Transaction, status_of
from thurn_kit.spool import SpooledContent
from thurn_wire.smtp import event
from thurn_wire.smtp.config import Profile
from thurn_wire.smtp.reply import Reply
from thurn_wire.smtp.state import State

from thurn_listener_smtp.conversation import Conversation
from thurn_listener_smtp.reply import reply_of

MESSAGE_SECONDS: Final = 600.0
"""For the answer to a whole message: as long as the peer waits. RFC 5321 §4.5.3.2.6."""

_CLOSING: Final = Reply(421, "4.7.0", ("Closing connection",))


async def begin(talk: Conversation, _: event.DataBegin) -> None:
    """Let the content come."""
    talk.engine.accept()


async def spill(talk: Conversation, given: event.DataChunk) -> None:
    """Write a piece of a large content to its file."""
    if talk.spooled is None:
        talk.spooled = talk.parts.spool.start()
    await talk.spooled.write(given.octets)


async def message(talk: Conversation, given: event.Message) -> None:
    """Hand the message over; answer when it is durable, or why it is not."""
    transaction, spooled = _transaction(talk), talk.spooled
    try:
        blob = await _whole(spooled, given.octets)
    except StorageError as error:
        status = status_of(error)
        talk.mailflow.refuse(transaction, status, "content.unwritable")
        talk.end_transaction()
        await talk.refuse(status)
        return
    await talk.flush()
    talk.connection.extend(max(MESSAGE_SECONDS, talk.parts.settings.idle))
    each = talk.parts.engine.profile is Profile.LMTP
    outcome = await talk.mailflow.message(transaction, blob, replies="each" if each else "one")
    talk.end_transaction()
    _answer(talk, outcome, each=each)


async def _whole(spooled: SpooledContent | None, octets: bytes) -> Blob:
    """The content, from memory or from its file."""
    if spooled is None:
        return Blob(octets)
    await spooled.write(octets)
    return spooled.blob()


async def refused(talk: Conversation, given: event.ContentRefused) -> None:
    """Too large, or with bare line ends; the engine has said so. RFC 1870 §6.3, RFC 5321 §2.3.8."""
    reply = given.reply
    reason = "content.size" if reply.code == 552 else "content.line_ends"
    status = Status(reply.code, reply.enhanced or "5.0.0", reply.text[0])
    talk.mailflow.refuse(_transaction(talk), status, reason)
    talk.end_transaction()


def _answer(talk: Conversation, outcome: Outcome, *, each: bool) -> None:
    if any(status.is_success for status in outcome.statuses):
        talk.refusals = 0
    if each:  # RFC 2033 §4.2: one for each accepted RCPT, in order
        talk.engine.send_replies([reply_of(status) for status in outcome.statuses])
    else:
        talk.engine.send(reply_of(outcome.statuses[0]))
    if outcome.disconnect and talk.engine.state is not State.CLOSED:
        talk.engine.send(_CLOSING)


def _transaction(talk: Conversation) -> Transaction:
    """The one that is open: the engine takes no content outside of one."""
    if talk.transaction is None:
        raise RuntimeError("content outside a transaction")
    return talk.transaction
