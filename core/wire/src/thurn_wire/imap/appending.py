"""How the server reads APPEND: each message is announced, judged, and returned as it comes.

Rules of this file:
1. Nothing is kept of a message; its size is judged before the client may send it. RFC 7889 §3.1.
2. If the command is refused in its middle, everything that still comes of it is read and dropped.

RFC 9051 §6.3.12, RFC 3502, RFC 3516 §4.4.
"""

from __future__ import annotations

from thurn_wire.imap import code, limits
from thurn_wire.imap.command import Append, AppendItem
from thurn_wire.imap.event import AppendChunk, AppendDone, AppendMessage, Event, Pause, Request
from thurn_wire.imap.fragment import Announcement, FragmentError
from thurn_wire.imap.grammar import append
from thurn_wire.imap.grammar.registry import Cursor
from thurn_wire.imap.refusing import refuse_literal, unreadable
from thurn_wire.imap.reply import CommandError, bad, continuation, no
from thurn_wire.imap.session import Appending, Session
from thurn_wire.imap.state import Step


def begin(session: Session, tag: bytes, cursor: Cursor, announced: Announcement) -> Request | None:
    """Begin APPEND at its first message; None if the announced literal is the mailbox name.

    Raises:
        CommandError: the command is wrong, or the message too large.
    """
    mailbox = append.mailbox(cursor)
    if mailbox is None:
        return None
    session.appending = Appending(_item(session, cursor, announced, 1))
    session.awaiting = Step.APPEND
    session.tag, session.name = tag, Append.NAME
    session.errors = 0
    return Request(tag, Append(mailbox))


def accept_message(session: Session, appending: Appending) -> None:
    """Let the announced message come."""
    appending.is_streaming = True
    if session.fragments.stream():
        session.write(continuation())


def read_append(session: Session) -> Event | Pause | None:
    """Read what belongs to the open APPEND."""
    appending = session.appending
    if appending is None:
        return session.wait()
    if appending.item is not None:
        item, appending.item = appending.item, None
        appending.is_binary = item.binary
        session.awaiting = Step.MESSAGE
        return AppendMessage(item)
    if appending.is_streaming:
        return _chunk(session, appending)
    return _between_messages(session, appending)


def _chunk(session: Session, appending: Appending) -> Event | Pause | None:
    octets = session.fragments.chunk(limits.CHUNK_OCTETS)
    if not appending.is_binary and b"\0" in octets:
        # RFC 9051 §4.3: NUL is for literal8 only.
        session.fragments.abandon(session.config.append_octets)
        return session.refuse(session.tag, bad("NUL in a literal"))
    appending.is_streaming = bool(session.fragments.wanted_octets)
    if not octets:
        return session.wait()
    return AppendChunk(octets, last=not appending.is_streaming)


def _between_messages(session: Session, appending: Appending) -> Event | Pause | None:
    try:
        fragment = session.fragments.next_command(session.config.line_octets)
    except FragmentError as error:
        return unreadable(session, error, session.tag)
    if fragment is None:
        return session.wait()
    try:
        if isinstance(fragment, Announcement):
            cursor = Cursor(fragment.text, session.grammar, utf8=session.utf8)
            appending.item = _item(session, cursor, fragment, appending.messages + 1)
            appending.messages += 1
            return None
        Cursor(fragment, session.grammar).end()
    except CommandError as error:
        if isinstance(fragment, Announcement):
            return refuse_literal(session, session.tag, error.reply)
        return session.refuse(session.tag, error.reply)
    session.appending = None
    session.awaiting = Step.APPENDED
    return AppendDone(session.tag)


def _item(session: Session, cursor: Cursor, announced: Announcement, number: int) -> AppendItem:
    item = append.item(cursor, announced)
    if number > session.config.append_messages:
        raise CommandError(no("too many messages", code.TOOBIG))
    # RFC 7889 §3.1: before the client sends it.
    if item.size_octets > session.config.append_octets:
        raise CommandError(no("message too large", code.TOOBIG))
    # RFC 3502 §6.3.11: an empty message cancels the command.
    if not item.size_octets:
        raise CommandError(no("an empty message is not stored"))
    return item
