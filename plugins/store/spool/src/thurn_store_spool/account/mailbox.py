"""A mailbox as one identity sees it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

import apsw
import trio
from thurn.plugin import (
    Changes,
    Content,
    CopyResult,
    FlagChange,
    MailboxNotFound,
    MailboxRecord,
    MessageExpunged,
    MessageSummary,
    StorageTrouble,
    StoreResult,
    View,
    mailbox_name,
)

from thurn_store_spool.account import message
from thurn_store_spool.account.annotation import check_annotation, read_annotations
from thurn_store_spool.account.changes import changes_since
from thurn_store_spool.account.fetch import (
    BodyRow,
    locate_bodies,
    read_headers,
    read_summaries,
)
from thurn_store_spool.cache.view import newest_columns, newest_view
from thurn_store_spool.environment import OpenAccount
from thurn_store_spool.index.trouble import storage_error
from thurn_store_spool.log.change import commit
from thurn_store_spool.log.draft import Draft
from thurn_store_spool.operation.kind import Annotated

T = TypeVar("T")


class SpoolMailbox:
    """See `thurn.contracts.store.Mailbox`."""

    def __init__(self, account: OpenAccount, number: int, record: MailboxRecord) -> None:
        self._account = account
        self._index = account.index
        self._environment = account.environment
        self._number = number
        self._record = record

    @property
    def record(self) -> MailboxRecord:
        """As known when the name was resolved."""
        return self._record

    async def view(self) -> View:
        """The newest state; the same object when nothing has changed."""
        await trio.lowlevel.checkpoint()
        return await newest_view(self._index, self._account.caches, self._number)

    async def changes(self, since: int) -> Changes:
        """What happened after this MODSEQ."""
        await self.view()
        columns = newest_columns(self._index, self._account.caches, self._number)
        with self._index.snapshot() as connection:
            self._must_exist(connection)
            return changes_since(connection, columns, self._number, since)

    async def wait_changed(self, since: int) -> None:
        """Return when the mailbox may have passed this MODSEQ."""
        with self._environment.watch.waiting(self._index.account) as waiter:
            while (await self.view()).highestmodseq <= since:
                await waiter.changed()

    # Messages.

    async def summaries(self, uids: Sequence[int]) -> Sequence[MessageSummary | None]:
        """In the order asked; None for messages that are gone."""
        await trio.lowlevel.checkpoint()
        with self._index.snapshot() as connection:
            by_uid = read_summaries(connection, self._number, uids)
            if not by_uid:
                self._must_exist(connection)
        return [by_uid.get(uid) for uid in uids]

    async def headers(self, uids: Sequence[int]) -> Sequence[bytes | None]:
        """The cached header fields, in the order asked; None for messages that are gone."""
        await trio.lowlevel.checkpoint()
        with self._index.snapshot() as connection:
            by_uid = read_headers(connection, self._number, uids)
            if not by_uid:
                self._must_exist(connection)
        return [by_uid.get(uid) for uid in uids]

    def _must_exist(self, connection: apsw.Connection) -> None:
        """Raises MailboxNotFound; `connection` is the snapshot's."""
        if self._number not in self._index.tree(connection).by_number:
            raise MailboxNotFound

    async def body(self, uid: int) -> Content:
        """The message as stored."""
        await trio.lowlevel.checkpoint()
        for _attempt in range(2):  # its row may have been read just before the log was settled
            rows = self._locate((uid,))
            if not rows:
                raise MessageExpunged
            try:
                content = self._content(rows[0])
            except OSError as error:
                raise storage_error(error) from error
            if content is not None:
                return content
        self._environment.diagnostics.error(
            "store.body_missing", account=self._index.account, mailbox=self._number, uid=uid
        )
        raise StorageTrouble("the message's body cannot be found")

    async def bodies(self, uids: Sequence[int]) -> Sequence[Content | None]:
        """In the order asked; None for messages that are gone or cannot be read."""
        await trio.lowlevel.checkpoint()
        by_uid: dict[int, Content | None] = {}
        for row in self._locate(uids):
            try:
                by_uid[row.uid] = self._content(row)
            except OSError:
                continue  # `body` says what is wrong
        return [by_uid.get(uid) for uid in uids]

    def _locate(self, uids: Sequence[int]) -> list[BodyRow]:
        """Where the bodies of those messages are that are there. Raises MailboxNotFound."""
        try:
            rows = locate_bodies(self._index.reader(), self._number, uids)
        except apsw.Error as error:
            raise self._index.failed(error) from error
        if not rows:
            with self._index.snapshot() as connection:
                self._must_exist(connection)
        return rows

    def _content(self, row: BodyRow) -> Content | None:
        """The message, wherever it is now. Raises OSError."""
        directory = self._index.directory
        blob = self._environment.bodies.find(directory, row.message, row.reference, row.length)
        return Content(blob, row.prefix) if blob is not None else None

    # Changes.

    async def _commit(self, work: Callable[[Draft], T]) -> T:
        return await commit(self._account, work)

    async def flag(
        self,
        uids: Collection[int],
        change: FlagChange,
        flags: Sequence[str],
        *,
        unchanged_since: int | None = None,
    ) -> StoreResult:
        """Change flags; UIDs that are gone are passed over."""
        number = self._number
        return await self._commit(
            lambda draft: message.change_flags(draft, number, uids, change, flags, unchanged_since)
        )

    async def expunge(
        self, uids: Collection[int], *, unchanged_since: int | None = None
    ) -> Sequence[int]:
        """Remove these whatever their flags, except those that have changed since."""
        gone = await self._commit(
            lambda draft: message.expunge(draft, self._number, uids, unchanged_since)
        )
        self._environment.sweep(self._index)
        return gone

    async def copy(self, uids: Collection[int], target: str) -> CopyResult:
        """Copy in UID order; all or none."""
        name = mailbox_name(target, self._environment.separator)
        return await self._commit(lambda draft: message.copy(draft, self._number, uids, name))

    async def move(self, uids: Collection[int], target: str) -> CopyResult:
        """Copy and expunge in one step."""
        name = mailbox_name(target, self._environment.separator)
        return await self._commit(lambda draft: message.move(draft, self._number, uids, name))

    # Annotations.

    async def annotations(self) -> Mapping[str, bytes]:
        """All annotations of the mailbox."""
        await trio.lowlevel.checkpoint()
        with self._index.snapshot() as connection:
            self._must_exist(connection)
            return read_annotations(connection, self._number)

    async def annotate(self, entry: str, value: bytes | None) -> None:
        """Set an annotation; None removes it."""

        def work(draft: Draft) -> None:
            draft.row(self._number)
            check_annotation(entry, value)
            operation = Annotated(*draft.number(), self._number, entry, value)
            draft.do(operation, self._number)

        await self._commit(work)
