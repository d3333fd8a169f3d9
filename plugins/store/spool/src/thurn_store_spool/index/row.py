"""The numbers in the rows of an index: keys of messages, UIDs, MODSEQs, flag bits, totals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import apsw

from thurn_store_spool.index.query import select_one

LAST_UID: Final = (1 << 32) - 1
"""The highest UID: UIDs have 32 bits. RFC 9051 §2.3.1.1."""

SEEN: Final = 1
DELETED: Final = 8
"""Bits of two system flags, by their order in `SYSTEM_FLAGS`."""

ALL_FLAGS: Final = (1 << 63) - 1
"""Bits of five system flags and KEYWORDS_PER_MAILBOX keywords: 63, so that the sign of SQLite's
integers is never touched."""


@dataclass(slots=True)
class Totals:
    """What a mailbox has, or what a change adds to it."""

    messages: int = 0
    unseen: int = 0
    deleted: int = 0
    size: int = 0


def row_id(mailbox: int, uid: int) -> int:
    """The key of the message table."""
    return mailbox << 32 | uid


def read_highest(connection: apsw.Connection) -> int:
    """The account's highest MODSEQ."""
    body, change = select_one(
        connection, "SELECT (SELECT max(id) FROM body), (SELECT max(modseq) FROM change)"
    )
    return max(body or 0, change or 0)


def read_uidnext(connection: apsw.Connection, mailbox: int) -> int:
    """A mailbox's UIDNEXT."""
    floor, newest = select_one(
        connection,
        "SELECT (SELECT uidnext FROM mailbox WHERE number = ?), (SELECT id FROM message"
        " WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1)",
        (mailbox, row_id(mailbox, 0), row_id(mailbox, LAST_UID)),
    )
    return max(int(floor or 1), (newest & LAST_UID) + 1 if newest else 1)
