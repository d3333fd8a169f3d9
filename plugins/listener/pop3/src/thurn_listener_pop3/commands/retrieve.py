"""RETR and TOP: a message, or its beginning.

    C: RETR 1
    S: +OK 120 octets
    S: Subject: x
    S: .

A large message is sent while it is read. TOP without lines reads only the header.

RFC 1939 §5, §7 (TOP).
"""

from __future__ import annotations

from collections.abc import Iterator

from thurn.plugin import ThurnError, status_of
from thurn_wire.pop3 import event
from thurn_wire.pop3.reply import error
from thurn_wire.pop3.state import State

from thurn_listener_pop3.body import ContentReader, top_pieces
from thurn_listener_pop3.conversation import Conversation
from thurn_listener_pop3.limits import WHOLE_OCTETS
from thurn_listener_pop3.refusal import code_of


async def retr(conversation: Conversation, given: event.Retrieve) -> None:
    """Send a message."""
    engine, maildrop = conversation.engine, conversation.open_maildrop
    try:
        size_octets, reader = await _read(conversation, given.number)
        with reader:
            if size_octets <= WHOLE_OCTETS:
                engine.send_message(reader.read(size_octets))
            else:
                await _stream(conversation, reader.pieces(), f"{size_octets} octets")
    except ThurnError as failure:
        _fail(conversation, given.number, failure)
    else:
        maildrop.retrieved.add(maildrop.uid(given.number))


async def top(conversation: Conversation, given: event.Top) -> None:
    """Send the header of a message, and so many lines of its body."""
    engine, maildrop = conversation.engine, conversation.open_maildrop
    try:
        header_octets = await maildrop.header_octets(given.number)
        size_octets, reader = await _read(conversation, given.number)
        with reader:
            pieces = top_pieces(reader, header_octets, given.lines)
            if size_octets <= WHOLE_OCTETS:
                engine.send_message(b"".join(pieces))
            else:
                await _stream(conversation, pieces, "top of message follows")
    except ThurnError as failure:
        _fail(conversation, given.number, failure)


async def _read(conversation: Conversation, number: int) -> tuple[int, ContentReader]:
    """A message's size, and the message; nothing else refers to its octets."""
    content = await conversation.open_maildrop.content(number)
    return content.size_octets, await ContentReader.open(content, conversation.parts.spool)


async def _stream(conversation: Conversation, pieces: Iterator[bytes], text: str) -> None:
    """Send pieces while they are read."""
    engine = conversation.engine
    engine.begin_message(text)
    for piece in pieces:
        engine.send_chunk(piece)
        await conversation.relieve()
    engine.end_message()


def _fail(conversation: Conversation, number: int, failure: ThurnError) -> None:
    """Say that a message cannot be read, or end the session if it was begun."""
    engine, code = conversation.engine, code_of(failure)
    if code is not None:
        uid = conversation.open_maildrop.uid(number)
        conversation.report("message.unreadable", failure, uid=uid)
    if engine.state is State.MESSAGE:
        # The rest is missing: end without the dot, so that nobody takes a part for the whole.
        engine.send_failed()
    else:
        engine.send(error(status_of(failure).text, code))
