"""Settling: bodies go from the commit log to their files, so that the log can forget them.

A message that was expunged meanwhile gets no file: the index is asked before, and once more after
writing, because an expunge in between has tried to remove a file that did not exist yet.

An account that is in trouble does not keep a segment in the log: its records are returned, and the
log puts them aside with the bodies.

Rules of this file: usable in a thread and in another process; own connections; no sync, since the
log does one for all.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import apsw
from thurn.plugin import AccountId, BlobReference, Record, StorageTrouble, Unapplied

from thurn_store_spool.body.file import remove_body, write_body
from thurn_store_spool.body.reading import ReadLog
from thurn_store_spool.environment import Environment
from thurn_store_spool.index.query import select_one
from thurn_store_spool.index.schema import has_bodies, open_second
from thurn_store_spool.index.trouble import missing_index
from thurn_store_spool.layout import INDEX, account_directory, body_path
from thurn_store_spool.log.unapplied import set_aside
from thurn_store_spool.operation.kind import AccountOperations, Appended, decode_record


def settle(environment: Environment, data: Path, records: Iterable[Record]) -> list[Unapplied]:
    """Bring the bodies of these records to their files, except those that nothing refers to.

    Returns:
        The records of the accounts that are in trouble.

    Raises:
        StorageError: the disk refuses it, whichever account it is; the log keeps the records.
    """
    accounts: dict[str, list[tuple[Record, AccountOperations]]] = {}
    for record in records:
        decoded = decode_record(record.payload)
        accounts.setdefault(decoded.account, []).append((record, decoded))
    unapplied: list[Unapplied] = []
    for name, recorded in accounts.items():
        account = AccountId(name)
        try:
            environment.must_be_well(account)
            directory = account_directory(data, account)
            _settle_account(directory, environment.commit_log.read, _logged(recorded))
        except Exception as error:  # noqa: BLE001 - a damaged index may raise anything
            unapplied += set_aside(environment.troubles, account, recorded, error)
    return unapplied


def _logged(recorded: Iterable[tuple[Record, AccountOperations]]) -> list[Appended]:
    """The messages whose bodies these records have in the log."""
    return [
        operation
        for _, decoded in recorded
        for operation in decoded.operations
        if isinstance(operation, Appended) and operation.logged is not None
    ]


def _settle_account(directory: Path, read: ReadLog, messages: list[Appended]) -> None:
    if not messages:
        return
    connection = open_second(directory / INDEX)
    if connection is None:
        if has_bodies(directory):
            raise missing_index()
        return  # the account was removed
    try:
        _write_wanted(connection, directory, read, messages)
    finally:
        connection.close()


def _write_wanted(
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
