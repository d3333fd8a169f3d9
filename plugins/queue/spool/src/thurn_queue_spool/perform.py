"""What an operation does to the rows: once in its round, again in a replay.

After a crash the file may lack its newest commits, never others. Two workers may have given one
number, when one of them died between sync and commit. So `replay` never asks the number alone
whether an entry has come in: it asks `accepted`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import apsw
from thurn.plugin import Record

from thurn_queue_spool.database import one, transaction
from thurn_queue_spool.record import Edit, Inserted, Operation, Removed, Settled, decode

PRUNED_AT_ONCE: Final = 1_000
"""Rows of one transaction: other workers wait some milliseconds."""


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


def perform(connection: apsw.Connection, op: Edit, *, is_new: bool = True) -> bool:
    """Change or remove an entry that is there, or is not. Gives whether it is gone."""
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
        if not isinstance(op, Inserted):
            perform(connection, op, is_new=is_new)
        # Below the highest: done, or of a worker that died before its commit; `accepted` knows.
        elif (is_new or op.at > pruned_at) and not is_accepted(connection, op.id, op.key):
            insert(connection, op)
    connection.execute("UPDATE position SET highest = ?", (last,))


def prune(connection: apsw.Connection, before: float) -> None:
    """Forget ids and keys of entries that came in before and are gone, little by little."""
    gone = "SELECT id FROM accepted WHERE at < ? AND id NOT IN (SELECT id FROM entry) LIMIT ?"
    while one(connection, gone, before, 1) is not None:
        with transaction(connection):
            connection.execute("UPDATE position SET pruned_at = max(pruned_at, ?)", (before,))
            connection.execute(
                f"DELETE FROM accepted WHERE id IN ({gone})",  # noqa: S608 - a constant
                (before, PRUNED_AT_ONCE),
            )
