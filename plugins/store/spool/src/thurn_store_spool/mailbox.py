"""A mailbox as one identity sees it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import apsw
import trio
from thurn.plugin import (
    BlobReference,
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

from thurn_store_spool import edit
from thurn_store_spool.annotation import check_annotation, read_annotations
from thurn_store_spool.change import commit
from thurn_store_spool.columns import Columns, advance, changes_since, follow, load, load_apart
from thurn_store_spool.draft import Draft
from thurn_store_spool.environment import Environment
from thurn_store_spool.index import LAST_UID, AccountIndex, read_uidnext
from thurn_store_spool.operation import Annotated
from thurn_store_spool.perform import row_id
from thurn_store_spool.query import select, select_one
from thurn_store_spool.schema import storage_error
from thurn_store_spool.totals import read_totals
from thurn_store_spool.uidset import runs

INLINE_UIDS: Final = 20_000
"""A mailbox with a wider span of UIDs is first read in a thread: some 15 ms for this many."""

COLUMNS_PER_ACCOUNT: Final = 16
"""Views kept for an account; sessions hold those that they use."""

_SUMMARY: Final = (
    "SELECT m.id & 4294967295, printf('E%016x', b.message), b.envelope, b.bodystructure,"
    " b.structure, b.header_octets, m.size, b.headers FROM message m JOIN body b ON b.id = m.body"
    " WHERE m.id BETWEEN ? AND ?"
)
"""In the order of `MessageSummary`. The second is the message's number as others see it, RFC 8474
§4.2."""

_HEADERS: Final = (
    "SELECT m.id & 4294967295, b.headers FROM message m JOIN body b ON b.id = m.body"
    " WHERE m.id BETWEEN ? AND ?"
)
_BODIES: Final = (
    "SELECT m.id & 4294967295, b.message, b.slot, b.generation, b.position, b.length, b.prefix"
    " FROM message m JOIN body b ON b.id = m.body WHERE m.id BETWEEN ? AND ?"
)

BodyRow = tuple[int, int, Any, Any, Any, int, bytes]
"""UID, the message's number, where the log has it or three times None, length, prefix."""


class SpoolMailbox:
    """See `thurn.contracts.store.Mailbox`."""

    def __init__(self, index: AccountIndex, environment: Environment, number: int) -> None:
        self._index = index
        self._environment = environment
        self._number = number

    @property
    def record(self) -> MailboxRecord:
        """As of now."""
        with self._index.snapshot() as connection:
            tree = self._index.tree(connection)
            row = tree.by_number.get(self._number)
            if row is None:
                raise MailboxNotFound
            subscribed = select_one(
                connection, "SELECT 1 FROM subscription WHERE name = ?", (row.name,)
            )
            totals = read_totals(self._index, connection, tree)
            return totals.record(row, subscribed=subscribed is not None)

    async def view(self) -> View:
        """The newest state; the same object when nothing changed."""
        await trio.lowlevel.checkpoint()
        index = self._index
        columns = index.columns.get(self._number)
        if columns is not None and index.is_unchanged():
            highest = index.known_highest
            if columns.seen == highest:
                return columns.view
            recent = index.recent.of(self._number, columns.seen)
            if recent is not None:
                columns = index.columns[self._number] = follow(columns, recent, highest)
                return columns.view
        if columns is None and self._is_wide():
            columns = await self._load_apart()
        return self._look(columns).view

    def _look(self, columns: Columns | None) -> Columns:
        """Columns as of now, kept for all sessions of the worker."""
        index = self._index
        with index.snapshot() as connection:
            row = index.tree(connection).by_number.get(self._number)
            if row is None:
                index.columns.pop(self._number, None)
                raise MailboxNotFound
            if columns is None or columns.seen < index.pruned:
                columns = load(connection, row, index.known_highest)
            elif columns.seen != index.known_highest:
                columns = advance(connection, columns, row, index.known_highest)
        if self._number not in index.columns and len(index.columns) >= COLUMNS_PER_ACCOUNT:
            del index.columns[next(iter(index.columns))]
        index.columns[self._number] = columns
        return columns

    def _is_wide(self) -> bool:
        with self._index.snapshot() as connection:
            first = select_one(
                connection,
                "SELECT id FROM message WHERE id >= ? ORDER BY id LIMIT 1",
                (row_id(self._number, 0),),
            )
            if first is None or first[0] >> 32 != self._number:
                return False
            uidnext = read_uidnext(connection, self._number)
            return bool(uidnext - (first[0] & LAST_UID) > INLINE_UIDS)

    async def _load_apart(self) -> Columns | None:
        columns = await trio.to_thread.run_sync(load_apart, self._index.directory, self._number)
        self._environment.pool.grown(self._index)  # if it had to be read from many rows
        known = self._index.columns.get(self._number)
        if columns is None or (known is not None and known.seen >= columns.seen):
            return known
        return columns

    async def changes(self, since: int) -> Changes:
        """What happened after this MODSEQ."""
        await self.view()
        columns = self._look(self._index.columns.get(self._number))
        with self._index.snapshot() as connection:
            row = self._index.tree(connection).by_number.get(self._number)
            if row is None:
                raise MailboxNotFound
            return changes_since(connection, columns, row, since)

    async def wait_changed(self, since: int) -> None:
        """Return when the mailbox may have passed this MODSEQ."""
        with self._environment.watch.waiting(self._index.account) as waiter:
            while (await self.view()).highestmodseq <= since:
                await waiter.changed()

    async def summaries(self, uids: Sequence[int]) -> Sequence[MessageSummary | None]:
        """In the order asked; None for messages that have gone."""
        await trio.lowlevel.checkpoint()
        found: dict[int, MessageSummary] = {}
        with self._index.snapshot() as connection:
            for first, last in runs(uids):
                bounds = (row_id(self._number, first), row_id(self._number, last))
                for summary in map(MessageSummary._make, select(connection, _SUMMARY, bounds)):
                    found[summary[0]] = summary
            if not found:
                self._must_exist(self._index.tree(connection).by_number)
        return [found.get(uid) for uid in uids]

    async def headers(self, uids: Sequence[int]) -> Sequence[bytes | None]:
        """The cached fields, in the order asked; None for messages that have gone."""
        await trio.lowlevel.checkpoint()
        found: dict[int, bytes] = {}
        with self._index.snapshot() as connection:
            for first, last in runs(uids):
                bounds = (row_id(self._number, first), row_id(self._number, last))
                found.update(select(connection, _HEADERS, bounds))
            if not found:
                self._must_exist(self._index.tree(connection).by_number)
        return [found.get(uid) for uid in uids]

    def _must_exist(self, rows: Mapping[int, object]) -> None:
        if self._number not in rows:
            raise MailboxNotFound

    async def body(self, uid: int) -> Content:
        """The message as stored."""
        await trio.lowlevel.checkpoint()
        for _attempt in range(2):  # the log may have given it away just now
            found = self._locate((uid,))
            if not found:
                with self._index.snapshot() as connection:
                    self._must_exist(self._index.tree(connection).by_number)
                raise MessageExpunged
            try:
                content = self._content(found[0])
            except OSError as error:
                raise storage_error(error) from error
            if content is not None:
                return content
        self._environment.diagnostics.error(
            "store.body_missing", account=self._index.account, mailbox=self._number, uid=uid
        )
        raise StorageTrouble("the message's body cannot be found")

    async def bodies(self, uids: Sequence[int]) -> Sequence[Content | None]:
        """In the order asked; None for messages that have gone or cannot be read."""
        await trio.lowlevel.checkpoint()
        found: dict[int, Content | None] = {}
        rows = self._locate(uids)
        if not rows:
            with self._index.snapshot() as connection:
                self._must_exist(self._index.tree(connection).by_number)
        for row in rows:
            try:
                found[row[0]] = self._content(row)
            except OSError:
                continue  # `body` says what it is
        return [found.get(uid) for uid in uids]

    def _locate(self, uids: Sequence[int]) -> list[BodyRow]:
        """Where the bodies of those messages are that are there."""
        found: list[BodyRow] = []
        try:
            connection = self._index.reader()
            for first, last in runs(uids):
                bounds = (row_id(self._number, first), row_id(self._number, last))
                found += select(connection, _BODIES, bounds)
        except apsw.Error as error:
            raise storage_error(error) from error
        return found

    def _content(self, row: BodyRow) -> Content | None:
        """The message, wherever it is now. Raises OSError."""
        _, message, slot, generation, position, length, prefix = row
        reference = None
        if slot is not None:
            reference = BlobReference(slot, generation, position, length)
        blob = self._environment.bodies.find(self._index.directory, message, reference, length)
        return Content(blob, prefix) if blob is not None else None

    async def flag(
        self,
        uids: Collection[int],
        change: FlagChange,
        flags: Sequence[str],
        *,
        unchanged_since: int | None = None,
    ) -> StoreResult:
        """Change flags; UIDs that are gone are passed over."""

        def work(draft: Draft) -> StoreResult:
            return edit.change_flags(draft, self._number, uids, change, flags, unchanged_since)

        return await commit(self._index, self._environment, work)

    async def expunge(
        self, uids: Collection[int], *, unchanged_since: int | None = None
    ) -> Sequence[int]:
        """Remove these whatever their flags, but for those that changed."""

        def work(draft: Draft) -> list[int]:
            return edit.expunge(draft, self._number, uids, unchanged_since)

        gone = await commit(self._index, self._environment, work)
        self._environment.sweep(self._index)
        return gone

    async def copy(self, uids: Collection[int], target: str) -> CopyResult:
        """Copy in UID order; all or none."""
        name = mailbox_name(target, self._environment.separator)
        return await commit(
            self._index, self._environment, lambda draft: edit.copy(draft, self._number, uids, name)
        )

    async def move(self, uids: Collection[int], target: str) -> CopyResult:
        """Copy and expunge in one step."""
        name = mailbox_name(target, self._environment.separator)
        return await commit(
            self._index, self._environment, lambda draft: edit.move(draft, self._number, uids, name)
        )

    async def annotations(self) -> Mapping[str, bytes]:
        """All annotations of the mailbox."""
        await trio.lowlevel.checkpoint()
        with self._index.snapshot() as connection:
            self._must_exist(self._index.tree(connection).by_number)
            return read_annotations(connection, self._number)

    async def annotate(self, entry: str, value: bytes | None) -> None:
        """Set or (None) remove one."""

        def work(draft: Draft) -> None:
            draft.row(self._number)
            check_annotation(entry, value)
            operation = Annotated(*draft.number(), self._number, entry, value)
            draft.do(operation, self._number)

        await commit(self._index, self._environment, work)
