"""How the server reads content: DATA up to its end, BDAT by count.

Rules of this file:
1. Content that is refused is read to its end before the reply is sent: the dialogue stays in step.
2. Bare line ends and the size limit are treated alike for DATA, BDAT and LMTP.
3. If the peer's stream ends inside content, the dialogue ends without a `Message`.

RFC 5321 §4.1.1.4, RFC 3030 §2, RFC 2033 §4.2.
"""

from __future__ import annotations

from thurn_wire.collector import Collected
from thurn_wire.smtp import own_reply
from thurn_wire.smtp.event import ContentRefused, DataChunk, Event, Message, Pause
from thurn_wire.smtp.session import Session
from thurn_wire.smtp.state import Step


def read_content(session: Session) -> Event | Pause | None:
    """Read what DATA brings."""
    content = session.transaction.content
    octets = session.lines.take_all()
    if not octets or content is None:
        return session.wait()
    rest = content.feed(octets)
    if rest is None:
        return DataChunk(content.take_chunks()) if content.spills else None
    if rest:
        session.lines.receive(rest)
    return _whole(session, content.finish(), chunked=False)


def read_chunk(session: Session) -> Event | Pause | None:
    """Read what BDAT brings."""
    chunks = session.transaction.chunks
    if chunks is None:
        return session.wait()
    if session.left_octets:
        octets = session.lines.take(session.left_octets)
        if not octets:
            return session.wait()
        session.left_octets -= len(octets)
        chunks.add(octets)
        return DataChunk(chunks.take_chunks()) if chunks.spills else None
    if session.is_last or chunks.too_large:
        return _whole(session, chunks.finish(), chunked=True)
    session.move(Step.CHUNK_ENDED)
    session.say(own_reply.CHUNK_TAKEN)
    return None


def _whole(session: Session, collected: Collected, *, chunked: bool) -> Event:
    if collected.octets is not None:
        session.awaiting = Step.MESSAGE_ENDED
        return Message(collected.octets, collected.size_octets, chunked)
    reply = own_reply.TOO_LARGE if collected.too_large else own_reply.BARE_LINE_ENDS
    session.end_message(session.for_each(reply, whole=session.is_last or not chunked))
    session.count_error()
    return ContentRefused(reply, collected.size_octets)


def read_discarded(session: Session) -> Event | Pause | None:
    """Read the octets of a refused BDAT, then refuse it. RFC 3030 §2."""
    if session.left_octets:
        octets = session.lines.take(session.left_octets)
        session.left_octets -= len(octets)
        return session.wait() if not octets else None
    discard, session.discard = session.discard, None
    if discard is None:
        return None
    for reply in discard.replies:
        session.say(reply)
    refused = None
    if discard.content_octets is not None:
        session.move(Step.TRANSACTION_FAILED)
        session.forget_transaction()
        refused = ContentRefused(discard.replies[0], discard.content_octets)
    if discard.counts:
        session.count_error()
    return refused
