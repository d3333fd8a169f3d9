"""Settling: bodies go from the commit log to their files, so that the log can forget them.

A message that was expunged meanwhile gets no file: the index is asked before, and once more after
writing, because an expunge in between has already tried to remove what was not there yet.

Rules of this file: usable in a thread and in another process; own connections; no sync, since the
log does one for all.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import apsw
from thurn.plugin import AccountId, BlobReference, Record, StorageTrouble

from thurn_store_spool.body.file import remove_body, write_body
from thurn_store_spool.body.reading import ReadLog
from thurn_store_spool.index.query import select_one
from thurn_store_spool.index.schema import open_second, storage_error
from thurn_store_spool.layout import INDEX, account_directory, body_path
from thurn_store_spool.operation.kind import Appended, decode_record


def settle(data: Path, read: ReadLog, records: Iterable[Record]) -> None:
    """Bring the bodies of these records to their files, except those that nothing refers to.

    Raises:
        StorageError: a body could not be written or found; the log keeps the records.
    """
    try:
        for name, messages in _logged_messages(records).items():
            directory = account_directory(data, AccountId(name))
            connection = open_second(directory / INDEX)
            if connection is None:
                continue  # the account was removed
            try:
                _settle_account(connection, directory, read, messages)
            finally:
                connection.close()
    except (apsw.Error, OSError) as error:
        raise storage_error(error) from error


def _logged_messages(records: Iterable[Record]) -> dict[str, list[Appended]]:
    """The messages whose bodies these records have in the log, by account."""
    messages: dict[str, list[Appended]] = {}
    for record in records:
        decoded = decode_record(record.payload)
        for operation in decoded.operations:
            if isinstance(operation, Appended) and operation.logged is not None:
                messages.setdefault(decoded.account, []).append(operation)
    return messages


def _settle_account(
    connection: apsw.Connection, directory: Path, read: ReadLog, messages: list[Appended]
) -> None:
    written = [one for one in messages if _is_wanted(connection, one)]
    for one in written:
        _write(directory, read, one)
    for one in written:
        if not _is_wanted(connection, one):
            remove_body(directory, one.nonce)


def _is_wanted(connection: apsw.Connection, one: Appended) -> bool:
    row = select_one(connection, "SELECT message FROM body WHERE id = ?", (one.modseq,))
    return row is not None and row[0] == one.nonce


def _write(directory: Path, read: ReadLog, one: Appended) -> None:
    if one.logged is None:
        return
    octets = read(BlobReference(*one.logged, one.length))
    if octets is not None:
        write_body(directory, one.nonce, octets)
        return
    path = body_path(directory, one.nonce)
    if not path.exists() or path.stat().st_size != one.length:
        raise StorageTrouble("a record's body is neither in the log nor in its file")
