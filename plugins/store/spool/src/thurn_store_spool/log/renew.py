"""After a failed sync: the indexes that the log's records concern are written to new files.

Rules of this file: blocking; before anything is served, while no other process has an index open.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from thurn.plugin import AccountId, Record, StorageTrouble

from thurn_store_spool.environment import Environment
from thurn_store_spool.index.schema import renew_index
from thurn_store_spool.layout import account_directory
from thurn_store_spool.operation.kind import decode_record


def renew(environment: Environment, data: Path, records: Iterable[Record]) -> None:
    """Renew the index of each account that the records name. An index that is damaged puts its
    account in trouble.

    Raises:
        StorageError: the disk refuses the new file, too.
    """
    for name in sorted({decode_record(record.payload).account for record in records}):
        account = AccountId(name)
        try:
            renew_index(account_directory(data, account))
        except Exception as error:
            failure = environment.troubles.failed(account, error)
            if not isinstance(failure, StorageTrouble) or not failure.account:
                raise failure from error
