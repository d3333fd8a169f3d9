"""APPEND: the words in front of each message.

    append  = "APPEND" SP mailbox 1*( SP message )
    message = [ flag-list SP ] [ date-time SP ] ( literal / literal8 )

Rule of this file: messages are not read here; the engine passes the octets in front of each
announced literal, and reads the literal itself.

RFC 9051 §6.3.12, RFC 3502 §6.3.11, RFC 3516 §4.4.
"""

from __future__ import annotations

from typing import NoReturn

from thurn_wire.imap.command import AppendItem
from thurn_wire.imap.fragment import Announcement
from thurn_wire.imap.grammar.flag import date_time, flag_list
from thurn_wire.imap.grammar.registry import Cursor


def without_message(cursor: Cursor) -> NoReturn:
    """Refuse APPEND whose line ends before any message."""
    cursor.space()
    cursor.mailbox()
    cursor.space()
    cursor.fail("a message as a literal")


def mailbox(cursor: Cursor) -> str | None:
    """The mailbox; None if the announced literal is the mailbox name."""
    cursor.space()
    return None if cursor.position == len(cursor.octets) else cursor.mailbox()


def item(cursor: Cursor, announced: Announcement) -> AppendItem:
    """The announced message; the cursor is behind the mailbox or the previous message."""
    cursor.space()
    flags: tuple[str, ...] = ()
    received = None
    if cursor.looking_at(b"("):
        flags = flag_list(cursor)
        cursor.space()
    if cursor.looking_at(b'"'):
        received = date_time(cursor)
        cursor.space()
    if cursor.position != len(cursor.octets):
        cursor.fail("flags, a date or the message")
    return AppendItem(announced.size_octets, flags, received, announced.binary)
