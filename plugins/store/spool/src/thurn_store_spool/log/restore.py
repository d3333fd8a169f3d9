"""Applies the records that stand aside, once the account can be used again.

Rows and bodies are on the disk before the log forgets the records. The account refuses changes in
the meantime, so each number in the records is either free or belongs to the same change.

Rules of this file: blocking, in a thread beside the worker's own; so it uses an index object and a
connection of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import apsw
import msgspec
from thurn.plugin import AccountId, BlobReference, ReadBlob, Record, StorageError

from thurn_store_spool.body.file import sync_names, write_body
from thurn_store_spool.body.reading import Bodies
from thurn_store_spool.cache.caches import AccountCaches
from thurn_store_spool.environment import Environment, OpenAccount
from thurn_store_spool.index.accountindex import AccountIndex
from thurn_store_spool.index.trouble import storage_error
from thurn_store_spool.layout import account_directory, body_path
from thurn_store_spool.log.replay import Recorded, Replay
from thurn_store_spool.operation.kind import Appended, Operation, decode_record


class _Apart:
    """The events of the index object that only this file uses."""

    def check(self, index: AccountIndex) -> None:
        """Permit it, although the account has a note: this call is to end its trouble."""

    def check_opening(self, index: AccountIndex) -> None:
        """Permit it, for the same reason."""

    def failed(self, index: AccountIndex, error: Exception) -> StorageError:
        """The error in the store's terms; the caller of `restore` writes the note."""
        return storage_error(error, index.account)

    def closing(self, connections: list[apsw.Connection]) -> None:
        """Close them."""
        for connection in connections:
            connection.close()

    def opened(self, index: AccountIndex, tended_at: int) -> None:
        """Do nothing: the worker's own object reports to the upkeep when it is opened next."""

    def used(self, index: AccountIndex) -> None:
        """Do nothing: this object is closed when the records are applied."""

    def grown(self, index: AccountIndex) -> None:
        """Do nothing: the worker's own object reports to the upkeep when it is opened next."""

    def log_grown(self, index: AccountIndex) -> None:
        """Do nothing: SQLite writes its log back when the last connection is closed."""


def restore(
    environment: Environment,
    data: Path,
    account: AccountId,
    records: Sequence[Record],
    read: ReadBlob,
) -> None:
    """Apply the records of this account, durably; see `RestoringOwner.restore`."""

    def find(reference: BlobReference) -> bytes | None:
        octets = read(reference)
        return environment.commit_log.read(reference) if octets is None else octets

    index = AccountIndex(account, account_directory(data, account), _Apart())
    apart = replace(environment, bodies=Bodies(find))
    opened = OpenAccount(index, AccountCaches(environment.caches.mark), apart)
    recorded = Recorded()
    for record in records:
        decoded = decode_record(record.payload)
        if decoded.account == account:
            recorded.add(record, decoded)
    try:
        replay = Replay(opened, is_beginning=recorded.is_beginning)
        _place_bodies(index.directory, recorded, find)
        replay.run(recorded, synced=True)
    except (apsw.Error, OSError) as error:
        raise storage_error(error, account) from error
    finally:
        for connection in index.disconnect():
            connection.close()
    environment.caches.mark.change()
    environment.watch.tell_by_file(account)


def _place_bodies(directory: Path, recorded: Recorded, find: ReadBlob) -> None:
    """Write the bodies to their files, synced, and change the records: they name no body in the
    log any more."""
    paths: list[Path] = []

    def placed(operation: Operation) -> Operation:
        if not isinstance(operation, Appended) or operation.logged is None:
            return operation
        octets = find(BlobReference(*operation.logged, operation.length))
        if octets is not None:  # else it is in its file, or lost
            write_body(directory, operation.nonce, octets)
            paths.append(body_path(directory, operation.nonce))
        return msgspec.structs.replace(operation, logged=None)

    recorded.by_modseq.update({n: placed(one) for n, one in recorded.by_modseq.items()})
    recorded.lost[:] = [placed(one) for one in recorded.lost]
    _sync(paths)
    for inner in {path.parent for path in paths}:
        sync_names(inner, directory)


def _sync(paths: Iterable[Path]) -> None:
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
