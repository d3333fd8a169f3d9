"""Opens an account that was in trouble: checks its index, and applies what stands aside first.

An operator need not report that an account was mended: its next opening looks, at most every
`RETRY_SECONDS`, and the housekeeper has the commit log ask from time to time.
"""

from __future__ import annotations

import trio

from thurn_store_spool.environment import Environment
from thurn_store_spool.index.accountindex import AccountIndex
from thurn_store_spool.index.schema import check_index, has_bodies
from thurn_store_spool.index.trouble import missing_index


class Mender:
    """Mends the accounts of one store in this worker, one at a time."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._lock = trio.Lock()

    def is_needed(self, index: AccountIndex) -> bool:
        """Whether the account may not be opened as it is; asks the file system only if
        something has changed or it must be opened."""
        if index.is_connected:
            return self._environment.pool.is_noted(index)
        return self._environment.troubles.is_troubled(index.account, index.note_path)

    async def mend(self, index: AccountIndex) -> None:
        """Return when the account can be used.

        Raises:
            StorageError: the account is still in trouble.
        """
        troubles, account = self._environment.troubles, index.account
        troubles.check_retry(account, index.note_path)
        async with self._lock:
            if not self.is_needed(index):
                return
            troubles.check_retry(account, index.note_path)
            log, name = self._environment.commit_log, self._environment.name
            try:
                has_index = await trio.to_thread.run_sync(check_index, index.directory, account)
                if log.is_aside(name, account):
                    await log.restore(name, account)
                elif not has_index and has_bodies(index.directory):
                    raise missing_index()  # noqa: TRY301 - reported like the others
            except Exception as error:
                failure = index.failed(error)
                troubles.still(account)
                raise failure from error
            troubles.mended(account)
            index.reopen()
