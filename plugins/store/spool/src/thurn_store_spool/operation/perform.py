"""What each operation does to the index; the same for a change as it happens and for its replay.

Rules of this file: inside an open transaction; every number comes from the operation. Others decide
whether an operation should be done at all (`log.change`, `log.replay`).
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import apsw

from thurn_store_spool.index.query import select, select_one
from thurn_store_spool.index.row import DELETED, SEEN, Totals, row_id
from thurn_store_spool.operation.kind import (
    OWN,
    Annotated,
    Appended,
    Copied,
    Created,
    Deleted,
    DocumentActivated,
    DocumentDeleted,
    DocumentPut,
    Expunged,
    Flagged,
    Keyword,
    Operation,
    Remembered,
    Renamed,
    Subscribed,
    Summary,
    encode,
)
from thurn_store_spool.operation.uidset import ranges


def take_key(connection: apsw.Connection, key: str, at: int) -> bool:
    """Take an idempotency key; False when it was taken before."""
    connection.execute("INSERT OR IGNORE INTO delivered VALUES(?,?)", (key, at))
    return connection.changes() == 1


def append_message(connection: apsw.Connection, operation: Appended, summary: Summary) -> None:
    """Store the rows of a message, except that of its key. Done a thousand times a second."""
    logged = operation.logged or (None, None, None)
    modseq = operation.modseq
    connection.execute(
        "INSERT INTO body VALUES(?,?,?,?,1,?,?,?,?,?,?,?,?,?,?)",
        (
            modseq,
            operation.nonce,
            operation.mailbox,
            operation.uid,
            *logged,
            operation.length,
            operation.prefix,
            *summary,
        ),
    )
    connection.execute(
        "INSERT INTO message VALUES(?,?,?,?,?,?)",
        (
            operation.mailbox << 32 | operation.uid,
            operation.flags,
            modseq,
            operation.length + len(operation.prefix),
            operation.received,
            modseq,
        ),
    )


def perform(connection: apsw.Connection, operation: Operation) -> None:
    """Do an operation that is not an append."""
    _PERFORM[type(operation)](connection, operation)


def _write_change(
    connection: apsw.Connection,
    operation: Operation,
    mailbox: int = OWN,
    totals: Totals | None = None,
    *,
    highest: int = 0,
    with_operation: bool = False,
) -> None:
    totals = totals or Totals()
    connection.execute(
        "INSERT INTO change VALUES(?,?,?,?,?,?,?,?,?)",
        (
            operation.modseq,
            operation.nonce,
            mailbox,
            encode(operation) if with_operation else None,
            highest,
            totals.messages,
            totals.unseen,
            totals.deleted,
            totals.size,
        ),
    )
    if mailbox != OWN:
        connection.execute(
            "UPDATE mailbox SET modseq = ? WHERE number = ?", (operation.modseq, mailbox)
        )


def _created(connection: apsw.Connection, operation: Created) -> None:
    connection.execute(
        "INSERT INTO mailbox VALUES(?,?,?,1,?,?)",
        (
            operation.mailbox,
            operation.name,
            operation.uidvalidity,
            operation.modseq,
            "\n".join(operation.special_use),
        ),
    )
    connection.execute(
        "UPDATE floor SET mailbox = max(mailbox, ?), uidvalidity = max(uidvalidity, ?)",
        (operation.mailbox, operation.uidvalidity),
    )
    _write_change(connection, operation, operation.mailbox)


def _deleted(connection: apsw.Connection, operation: Deleted) -> None:
    number = operation.mailbox
    _remove(connection, row_id(number, 0), row_id(number + 1, 0) - 1, Totals())
    connection.execute("DELETE FROM mailbox WHERE number = ?", (number,))
    for table in ("keyword", "annotation", "kept"):
        connection.execute(f"DELETE FROM {table} WHERE mailbox = ?", (number,))  # noqa: S608 - constants
    _write_change(connection, operation, number)


def _renamed(connection: apsw.Connection, operation: Renamed) -> None:
    # Names are unique at every instant, so the old ones are moved out of the way first.
    for number, _ in operation.names:
        connection.execute("UPDATE mailbox SET name = ? WHERE number = ?", (f"\n{number}", number))
    for number, name in operation.names:
        connection.execute("UPDATE mailbox SET name = ? WHERE number = ?", (name, number))
    _write_change(connection, operation)


def _keyword(connection: apsw.Connection, operation: Keyword) -> None:
    connection.execute(
        "INSERT INTO keyword VALUES(?,?,?)", (operation.mailbox, operation.bit, operation.name)
    )
    _write_change(connection, operation, operation.mailbox)


def _flagged(connection: apsw.Connection, operation: Flagged) -> None:
    totals, highest = Totals(), 0
    for first, last in ranges(operation.uids):
        low, high = row_id(operation.mailbox, first), row_id(operation.mailbox, last)
        if (operation.clear | operation.set) & (SEEN | DELETED):
            count, seen, deleted = select_one(
                connection,
                "SELECT count(*), total(flags & 1), total(flags >> 3 & 1) FROM message"
                " WHERE id BETWEEN ? AND ?",
                (low, high),
            )
            totals.unseen -= _gained(operation, SEEN, count, int(seen))
            totals.deleted += _gained(operation, DELETED, count, int(deleted))
        connection.execute(
            "UPDATE message SET flags = flags & ~? | ?, modseq = ? WHERE id BETWEEN ? AND ?",
            (operation.clear, operation.set, operation.modseq, low, high),
        )
        highest = last
    _write_change(
        connection, operation, operation.mailbox, totals, highest=highest, with_operation=True
    )


def _gained(operation: Flagged, bit: int, count: int, had: int) -> int:
    if operation.set & bit:
        return count - had
    return -had if operation.clear & bit else 0


def _expunged(connection: apsw.Connection, operation: Expunged) -> None:
    totals, highest = Totals(), 0
    for first, last in ranges(operation.uids):
        low, high = row_id(operation.mailbox, first), row_id(operation.mailbox, last)
        _remove(connection, low, high, totals)
        highest = last
    connection.execute(
        "UPDATE mailbox SET uidnext = max(uidnext, ?) WHERE number = ?",
        (operation.uidnext, operation.mailbox),
    )
    _write_change(
        connection, operation, operation.mailbox, totals, highest=highest, with_operation=True
    )


def _remove(connection: apsw.Connection, low: int, high: int, totals: Totals) -> None:
    rows = select(
        connection, "SELECT flags, size, body FROM message WHERE id BETWEEN ? AND ?", (low, high)
    )
    for flags, size, _ in rows:
        totals.messages -= 1
        totals.unseen -= not flags & SEEN
        totals.deleted -= bool(flags & DELETED)
        totals.size -= size
    connection.execute("DELETE FROM message WHERE id BETWEEN ? AND ?", (low, high))
    for body, count in Counter(row[2] for row in rows).items():
        copies, message = select_one(
            connection, "SELECT copies, message FROM body WHERE id = ?", (body,)
        )
        if copies > count:
            connection.execute("UPDATE body SET copies = copies - ? WHERE id = ?", (count, body))
        else:
            connection.execute("INSERT OR IGNORE INTO garbage VALUES(?)", (message,))
            connection.execute("DELETE FROM body WHERE id = ?", (body,))


def _copied(connection: apsw.Connection, operation: Copied) -> None:
    flags = array("Q")
    flags.frombytes(operation.flags)
    rows: list[tuple[int, ...]] = []
    for first, last in ranges(operation.uids):
        rows += select(
            connection,
            "SELECT size, received, body FROM message WHERE id BETWEEN ? AND ?",
            (row_id(operation.source, first), row_id(operation.source, last)),
        )
    target = row_id(operation.mailbox, operation.first_uid)
    connection.executemany(
        "INSERT INTO message VALUES(?,?,?,?,?,?)",
        [
            (target + at, mask, operation.modseq, *row)
            for at, (mask, row) in enumerate(zip(flags, rows, strict=True))
        ],
    )
    connection.executemany(
        "UPDATE body SET copies = copies + 1 WHERE id = ?", [(row[2],) for row in rows]
    )
    totals = Totals(
        len(rows),
        sum(not mask & SEEN for mask in flags),
        sum(bool(mask & DELETED) for mask in flags),
        sum(row[0] for row in rows),
    )
    _write_change(connection, operation, operation.mailbox, totals)


def _subscribed(connection: apsw.Connection, operation: Subscribed) -> None:
    if operation.subscribed:
        connection.execute("INSERT OR IGNORE INTO subscription VALUES(?)", (operation.name,))
    else:
        connection.execute("DELETE FROM subscription WHERE name = ?", (operation.name,))
    _write_change(connection, operation)


def _annotated(connection: apsw.Connection, operation: Annotated) -> None:
    if operation.value is None:
        connection.execute(
            "DELETE FROM annotation WHERE mailbox = ? AND entry = ?",
            (operation.mailbox, operation.entry),
        )
    else:
        connection.execute(
            "INSERT OR REPLACE INTO annotation VALUES(?,?,?)",
            (operation.mailbox, operation.entry, operation.value),
        )
    _write_change(connection, operation, operation.mailbox)


def _document_put(connection: apsw.Connection, operation: DocumentPut) -> None:
    connection.execute(
        "INSERT INTO document VALUES(?,?,?,?,?)",
        (
            operation.kind,
            operation.name,
            operation.version,
            operation.content,
            operation.changed_at,
        ),
    )
    connection.execute(
        "INSERT OR IGNORE INTO present VALUES(?,?)", (operation.kind, operation.name)
    )
    _write_change(connection, operation)


def _document_activated(connection: apsw.Connection, operation: DocumentActivated) -> None:
    if operation.name is None:
        connection.execute("DELETE FROM active WHERE kind = ?", (operation.kind,))
    else:
        connection.execute(
            "INSERT OR REPLACE INTO active VALUES(?,?)", (operation.kind, operation.name)
        )
    _write_change(connection, operation)


def _document_deleted(connection: apsw.Connection, operation: DocumentDeleted) -> None:
    for table in ("present", "active"):
        connection.execute(
            f"DELETE FROM {table} WHERE kind = ? AND name = ?",  # noqa: S608 - constants
            (operation.kind, operation.name),
        )
    _write_change(connection, operation)


def _remembered(connection: apsw.Connection, operation: Remembered) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO remembered VALUES(?,?)", (operation.key, operation.until)
    )
    _write_change(connection, operation)


_PERFORM: Final[dict[type, Callable[[apsw.Connection, Any], None]]] = {
    Created: _created,
    Deleted: _deleted,
    Renamed: _renamed,
    Keyword: _keyword,
    Flagged: _flagged,
    Expunged: _expunged,
    Copied: _copied,
    Subscribed: _subscribed,
    Annotated: _annotated,
    DocumentPut: _document_put,
    DocumentActivated: _document_activated,
    DocumentDeleted: _document_deleted,
    Remembered: _remembered,
}
