"""Opens the store of an account: the one that its record names, or the site's default."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from thurn.chain.calls import Callee
from thurn.chain.supervision import Supervised, Supervision
from thurn.contracts.account import AccountRecord, Directory
from thurn.contracts.store import AccountHandle, MailStore
from thurn.types.errors import TemporaryFailure
from thurn.types.identity import AccountId, Identity

STORE_SECONDS: Final = 60.0
"""The longest opening of an account: a store may have to migrate or rebuild it first."""


@dataclass(slots=True, eq=False)
class Stores:
    """The store instances of the site, with the directory that says whose mail is in which."""

    _by_name: Mapping[str, Supervised[MailStore]]
    _default: str | None
    _directory: Directory
    _supervision: Supervision

    async def open(self, account: AccountId, identity: Identity | None) -> AccountHandle:
        """The account's mailboxes with the rights of the identity (None: the host).

        Raises:
            TemporaryFailure: the account has no record, or its record names a store that is not
                configured: a mistake of the site must not lose mail.
        """
        return await self.open_record(await self.record(account), identity)

    async def open_record(
        self, record: AccountRecord, identity: Identity | None = None
    ) -> AccountHandle:
        """The same for a caller that has the record already."""
        store = self._store_of(record)
        handle: AccountHandle | None = await self._supervision.look(
            store.callee, STORE_SECONDS, object, store.product.open, record.account, identity
        )
        if handle is None:
            raise self._supervision.nonsense(store.callee, handle)
        return handle

    def callee_of(self, record: AccountRecord) -> Callee:
        """The store of an account, as the host calls it. Raises TemporaryFailure like `open`."""
        return self._store_of(record).callee

    def _store_of(self, record: AccountRecord) -> Supervised[MailStore]:
        name = record.store or self._default
        store = self._by_name.get(name) if name is not None else None
        if store is None:
            raise TemporaryFailure(_missing(record, self._by_name))
        return store

    async def record(self, account: AccountId) -> AccountRecord:
        """The account's record. Raises TemporaryFailure when the directory has none."""
        record = await self._directory.account(account)
        if record is None:
            raise TemporaryFailure(f"account {account} has no record")
        return record


def _missing(record: AccountRecord, configured: Collection[str]) -> str:
    """Why there is no store for an account, and what to change."""
    if record.store is None:
        return f"account {record.account}: the site has no default store: set site.store"
    stated = f'account {record.account}: its record names store "{record.store}"'
    choice = (
        f"the stores are {', '.join(sorted(configured))}" if configured else "there is no store"
    )
    return f"{stated}, which is not configured; {choice}"
