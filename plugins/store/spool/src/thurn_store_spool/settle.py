"""Settling: bodies go from the log to their files, so that the log can forget them.

A message that was expunged meanwhile gets no file: the index is asked before, and once more after
writing, because an expunge in between has already tried to remove what was not there yet.

Rules of this file: usable in a thread and in another process; own connections; no sync (the log
does one for all).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import apsw
from thurn.plugin import AccountId, BlobReference, Record, StorageTrouble

from thurn_store_spool.body import remove_body, write_body
from thurn_store_spool.operation import Appended
from thurn_store_spool.place import INDEX, account_directory, body_path
from thurn_store_spool.query import select_one
from thurn_store_spool.replay import entries_by_account
from thurn_store_spool.schema import open_reader, storage_error

Read = Callable[[BlobReference], "bytes | None"]


def settle(data: Path, read: Read, records: Iterable[Record]) -> None:
    """The bodies of these records are in their files, but for those that nothing refers to.

    Raises:
        StorageError: one could not be written or found; the log keeps the records.
    """
    try:
        for name, messages in entries_by_account(records).items():
            directory = account_directory(data, AccountId(name))
            connection = open_reader(directory / INDEX)
            if connection is None:
                continue  # the account was removed
            try:
                _settle_account(connection, directory, read, messages)
            finally:
                connection.close()
    except (apsw.Error, OSError) as error:
        raise storage_error(error) from error


def _settle_account(
    connection: apsw.Connection, directory: Path, read: Read, messages: list[Appended]
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


def _write(directory: Path, read: Read, one: Appended) -> None:
    if one.place is None:
        return
    octets = read(BlobReference(*one.place, one.length))
    if octets is not None:
        write_body(directory, one.nonce, octets)
        return
    path = body_path(directory, one.nonce)
    if not path.exists() or path.stat().st_size != one.length:
        raise StorageTrouble("a record's body is neither in the log nor in its file")
