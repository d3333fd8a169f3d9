"""The changes that an operation makes to the rows: in its round, and again in a replay.

After a crash the file may lack its newest commits, but no others. Two workers may have used the
same sequence number, if one of them died between sync and commit. So `replay` does not decide by
the number alone whether an entry was inserted: it looks into `accepted`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import apsw
from thurn.plugin import Record

from thurn_queue_spool.database import one, transaction
from thurn_queue_spool.record import Edit, Inserted, Operation, Removed, Settled, decode

PRUNED_AT_ONCE: Final = 1_000
"""Rows pruned in one transaction, for which other workers wait some milliseconds."""


def insert(connection: apsw.Connection, op: Inserted) -> None:
    """Insert an entry, its recipients, its id and key."""
    connection.execute("INSERT INTO accepted VALUES(?, ?, ?)", (op.id, op.key, op.at))
    place = op.place or (None, None, None)
    connection.execute(
        "INSERT INTO entry VALUES(?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, NULL, '', NULL, NULL, NULL)",
        (op.id, op.envelope, op.prefix, op.length, *place, op.at),
    )
    connection.executemany(
        "INSERT INTO recipient VALUES(?, ?, 0)", [(op.id, n) for n in range(op.recipients)]
    )


def settle(connection: apsw.Connection, op: Settled, *, is_new: bool = True) -> bool:
    """Remove finished recipients and set the times of others; returns whether the entry ended.

    Args:
        connection: a connection with a transaction.
        op: the results.
        is_new: whether no later operation can have been applied; otherwise the times stay.
    """
    connection.executemany(
        "DELETE FROM recipient WHERE entry = ? AND number = ?", [(op.id, n) for n in op.finished]
    )
    if is_new:
        connection.executemany(
            "UPDATE recipient SET retry_at = ? WHERE entry = ? AND number = ?",
            [(op.retry_at, op.id, n) for n in op.waiting],
        )
        connection.execute(
            "UPDATE entry SET tries = tries + 1, retried = 1, status = coalesce(?, status)"
            " WHERE id = ?",
            (op.status, op.id),
        )
    due = one(connection, "SELECT min(retry_at) FROM recipient WHERE entry = ?", op.id)[0]
    if due is None:
        connection.execute("DELETE FROM entry WHERE id = ?", (op.id,))
        return True
    connection.execute("UPDATE entry SET due = ? WHERE id = ?", (due, op.id))
    return False


def perform(connection: apsw.Connection, op: Edit, *, is_new: bool = True) -> bool:
    """Change or remove an entry, which may be missing; returns whether it no longer exists."""
    if isinstance(op, Settled):
        return settle(connection, op, is_new=is_new)
    if isinstance(op, Removed):
        connection.execute("DELETE FROM recipient WHERE entry = ?", (op.id,))
        connection.execute("DELETE FROM entry WHERE id = ?", (op.id,))
        return True
    if is_new:
        sql = "UPDATE entry SET destination = ? WHERE id = ?"
        connection.execute(sql, (op.destination, op.id))
    return False


def is_accepted(connection: apsw.Connection, id_: str, key: bytes | None) -> bool:
    """Whether an entry with this id or key was inserted in the last days."""
    sql = "SELECT 1 FROM accepted WHERE id = ?1 UNION ALL SELECT 1 FROM accepted WHERE key = ?2"
    return one(connection, sql, id_, key) is not None


def replay(connection: apsw.Connection, records: Sequence[Record]) -> None:
    """Apply the operations that the file lacks; `connection` has a transaction."""
    highest, pruned_at = one(connection, "SELECT highest, pruned_at FROM position")
    last = highest
    for record in sorted(records, key=lambda record: record.written_at_ns):
        op: Operation = decode(record.payload)
        last = max(last, op.sequence)
        is_new = op.sequence > highest
        if not isinstance(op, Inserted):
            perform(connection, op, is_new=is_new)
        # A number up to the highest was applied, or is from a worker that died before its commit;
        # `accepted` has the answer.
        elif (is_new or op.at > pruned_at) and not is_accepted(connection, op.id, op.key):
            insert(connection, op)
    connection.execute("UPDATE position SET highest = ?", (last,))


def prune(connection: apsw.Connection, before: float) -> None:
    """Delete ids and keys of ended entries that were inserted before a time, in small steps."""
    ended = "SELECT id FROM accepted WHERE at < ? AND id NOT IN (SELECT id FROM entry) LIMIT ?"
    while one(connection, ended, before, 1) is not None:
        with transaction(connection):
            connection.execute("UPDATE position SET pruned_at = max(pruned_at, ?)", (before,))
            connection.execute(
                f"DELETE FROM accepted WHERE id IN ({ended})",  # noqa: S608 - a constant
                (before, PRUNED_AT_ONCE),
            )
