"""APPEND: what stands before each message's literal.

    append  = "APPEND" SP mailbox 1*( SP message )
    message = [ flag-list SP ] [ date-time SP ] ( literal / literal8 )

Rule of this file: messages are not read here; the engine gives what stands before each
announcement, and takes the literal itself.

RFC 9051 §6.3.12, RFC 3502 §6.3.11, RFC 3516 §4.4.
"""

from __future__ import annotations

from typing import NoReturn

from thurn_wire.imap.command import AppendItem
from thurn_wire.imap.fragment import Announcement
from thurn_wire.imap.grammar.flag import date_time, flag_list
from thurn_wire.imap.grammar.registry import Cursor


def without_message(cursor: Cursor) -> NoReturn:
    """APPEND whose line ends before any message."""
    cursor.space()
    cursor.mailbox()
    cursor.space()
    cursor.fail("a message as a literal")


def mailbox(cursor: Cursor) -> str | None:
    """The mailbox; None if the literal that is announced is the mailbox itself."""
    cursor.space()
    return None if cursor.position == len(cursor.octets) else cursor.mailbox()


def item(cursor: Cursor, announced: Announcement) -> AppendItem:
    """The message that is announced, with the cursor behind the mailbox or the message before."""
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
