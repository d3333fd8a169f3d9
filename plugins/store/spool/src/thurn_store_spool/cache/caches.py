"""Everything that a worker remembers of the accounts of one store.

A remembered value is valid as of a MODSEQ of its account, or as long as the site's documents mark
is the same; each reader compares. So no process has to be notified that a value is out of date.

Rules of this file: on the worker's own thread; `bounds` has the size of each part.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from thurn.plugin import Document, MailboxRecord

from thurn_store_spool.cache.bounds import (
    ACTIVE_DOCUMENTS_PER_ACCOUNT,
    RECORDS_PER_ACCOUNT,
    VIEWS_PER_ACCOUNT,
    BoundedDict,
)
from thurn_store_spool.cache.columns import Columns
from thurn_store_spool.cache.recent import RecentOperations
from thurn_store_spool.cache.totals import AccountTotals
from thurn_store_spool.index.accountindex import AccountIndex
from thurn_store_spool.mark import DOCUMENTS, Mark
from thurn_store_spool.operation.kind import (
    DocumentActivated,
    DocumentDeleted,
    DocumentPut,
    Operation,
)

_DOCUMENT_KINDS: Final = frozenset({DocumentActivated, DocumentDeleted, DocumentPut})


class KnownRecord(NamedTuple):
    """A mailbox's record, and the MODSEQ of the account as of which it is true."""

    as_of: int
    record: MailboxRecord


class KnownDocument(NamedTuple):
    """The active document of a kind, and the site's mark from before it was read."""

    mark: bytes | None
    document: Document | None


class AccountCaches:
    """What is remembered of one account.

    Attributes:
        columns: views, by mailbox number.
        records: records, by mailbox number.
        documents: active documents, by kind.
        recent: the last operations of this worker, while a view or a record is to follow them.
        totals: the numbers of messages in mailboxes.
        has_inbox: the account was seen with its INBOX, which it keeps for ever.
        mark: the mark of the store's documents.
    """

    __slots__ = ("columns", "documents", "has_inbox", "mark", "recent", "records", "totals")

    def __init__(self, mark: Mark) -> None:
        self.mark = mark
        self.columns: BoundedDict[int, Columns] = BoundedDict(VIEWS_PER_ACCOUNT)
        self.records: BoundedDict[int, KnownRecord] = BoundedDict(RECORDS_PER_ACCOUNT)
        self.documents: BoundedDict[str, KnownDocument] = BoundedDict(ACTIVE_DOCUMENTS_PER_ACCOUNT)
        self.recent = RecentOperations()
        self.totals = AccountTotals()
        self.has_inbox = False

    def committed(self, operations: Sequence[Operation]) -> None:
        """This worker has committed these operations; called before anybody hears of them."""
        if self.columns or self.records:
            self.recent.add(operations)
        for one in operations:
            if type(one) in _DOCUMENT_KINDS:
                self.mark.change()
                return


class Caches:
    """What is remembered of all accounts of a store, as long as their indexes are known.

    Attributes:
        mark: of the store's documents.
    """

    def __init__(self, data: Path) -> None:
        self.mark = Mark(data / DOCUMENTS)
        self._accounts: WeakKeyDictionary[AccountIndex, AccountCaches] = WeakKeyDictionary()

    def of(self, index: AccountIndex) -> AccountCaches:
        """What is remembered of an account."""
        caches = self._accounts.get(index)
        if caches is None:
            caches = self._accounts[index] = AccountCaches(self.mark)
        return caches

    def closed(self, index: AccountIndex) -> None:
        """The account's connection was closed: what takes much memory is forgotten."""
        caches = self._accounts.get(index)
        if caches is not None:
            caches.columns.clear()
            caches.documents.clear()

    def close(self) -> None:
        """Let go of the mark's file."""
        self.mark.close()
