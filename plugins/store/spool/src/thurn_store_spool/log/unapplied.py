"""Records of an account in trouble, as the commit log takes them back."""

from __future__ import annotations

from collections.abc import Iterable

from thurn.plugin import (
    AccountId,
    BlobReference,
    Record,
    StorageFull,
    StorageTrouble,
    Unapplied,
)

from thurn_store_spool.index.trouble import Troubles, advice_on, storage_error
from thurn_store_spool.operation.kind import AccountOperations, Appended


def set_aside(
    troubles: Troubles,
    account: AccountId,
    records: Iterable[tuple[Record, AccountOperations]],
    error: Exception,
) -> list[Unapplied]:
    """All records of an account, because of this error; the account is noted as in trouble first.

    Raises:
        StorageError: the error is not the account's, but the site's.
    """
    failure = storage_error(error, account)
    if isinstance(failure, StorageFull) or not (
        isinstance(failure, StorageTrouble) and failure.account
    ):
        raise failure from error
    # From here on no worker changes the account, whichever finds that it is well.
    if not troubles.is_noted(troubles.note_path(account)):  # else it says what began it
        troubles.note(account, str(failure), advice_on(error.__cause__ or error))
    return [
        Unapplied(record, account, str(failure), _blobs(decoded)) for record, decoded in records
    ]


def _blobs(decoded: AccountOperations) -> list[BlobReference]:
    return [
        BlobReference(*operation.logged, operation.length)
        for operation in decoded.operations
        if isinstance(operation, Appended) and operation.logged is not None
    ]
