"""What an operation does to the rows: once in its round, again in a replay.

After a crash the file may lack its newest commits, never others. Two workers may have given one
number, when one of them died between sync and commit. So `replay` never asks the number alone
whether an entry has come in: it asks `accepted`.
"""

from __future__ import annotations

from collections.abc import Sequence

import apsw
from thurn.contracts.commitlog import Record

from thurn_queue_spool.database import one
from thurn_queue_spool.record import Inserted, Operation, Removed, Settled, decode


def insert(connection: apsw.Connection, op: Inserted) -> None:
    """The entry, its recipients, its id and key."""
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
    """Recipients leave; others get a time. Gives whether the entry is gone.

    Args:
        connection: with a transaction.
        op: what.
        is_new: False when later operations may have been done: then the times stay.
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


def remove(connection: apsw.Connection, id_: str) -> None:
    """The entry and its recipients; its id stays known."""
    connection.execute("DELETE FROM recipient WHERE entry = ?", (id_,))
    connection.execute("DELETE FROM entry WHERE id = ?", (id_,))


def is_accepted(connection: apsw.Connection, id_: str, key: bytes | None) -> bool:
    """Whether an entry with this id or key has come in."""
    sql = "SELECT 1 FROM accepted WHERE id = ?1 UNION ALL SELECT 1 FROM accepted WHERE key = ?2"
    return one(connection, sql, id_, key) is not None


def replay(connection: apsw.Connection, records: Sequence[Record]) -> None:
    """Do what is missing; `connection` has a transaction."""
    highest, pruned_at = one(connection, "SELECT highest, pruned_at FROM position")
    last = highest
    for record in sorted(records, key=lambda record: record.written_at_ns):
        op: Operation = decode(record.payload)
        last = max(last, op.sequence)
        is_new = op.sequence > highest
        if isinstance(op, Settled):
            settle(connection, op, is_new=is_new)
        elif isinstance(op, Removed):
            remove(connection, op.id)
        # Below the highest: done, or of a worker that died before its commit; `accepted` knows.
        elif (is_new or op.at > pruned_at) and not is_accepted(connection, op.id, op.key):
            insert(connection, op)
    connection.execute("UPDATE position SET highest = ?", (last,))
