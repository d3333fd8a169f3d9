"""An account as one identity sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeVar, cast

import trio
from thurn.plugin import (
    INBOX,
    AccountId,
    Append,
    Deposit,
    Document,
    Identity,
    MailboxNameRefused,
    MailboxNotFound,
    MailboxRecord,
    NotPermitted,
    Stored,
    SupportsUsage,
    TooLarge,
    Usage,
    mailbox_name,
)

from thurn_store_spool.account import document, tree
from thurn_store_spool.account.annotation import check_annotation, read_annotations
from thurn_store_spool.account.mailbox import SpoolMailbox
from thurn_store_spool.cache.record import read_record, read_records, resolve
from thurn_store_spool.environment import OpenAccount
from thurn_store_spool.index.query import select, select_one
from thurn_store_spool.log.change import AccountChange, commit
from thurn_store_spool.log.deposit import KEY_CHARACTERS, MessageDeposit
from thurn_store_spool.log.draft import Draft
from thurn_store_spool.operation.kind import OWN, Annotated, Remembered
from thurn_store_spool.watch.account import watch_account

APPEND_MEMORY_OCTETS: Final = 16_777_216
"""What the messages of one `append_all` take in memory besides their content, while they wait for
their one round. Usual ones take some 4 KiB; a thousand with the longest headers that are read would
take a gigabyte."""

T = TypeVar("T")
A = TypeVar("A")


class SpoolAccount:
    """See `thurn.contracts.store.AccountHandle`; also the ability `SupportsUsage`."""

    def __init__(self, account: OpenAccount, identity: Identity | None) -> None:
        self._account = account
        self._index = account.index
        self._environment = account.environment
        # The host and the owner see everything, others nothing: hidden is the same as absent.
        self._may = identity is None or identity.account == account.index.account

    @property
    def account(self) -> AccountId:
        """Its id."""
        return self._index.account

    @property
    def separator(self) -> str:
        """The hierarchy separator of names."""
        return self._environment.separator

    def _must_own(self) -> None:
        """Raises NotPermitted."""
        if not self._may:
            raise NotPermitted

    async def _commit(self, work: Callable[[Draft], T]) -> T:
        self._must_own()
        return await commit(self._account, work)

    # The tree.

    async def mailboxes(self) -> Sequence[MailboxRecord]:
        """All of them, in name order, INBOX first."""
        await trio.lowlevel.checkpoint()
        if not self._may:
            return []
        return sorted(
            read_records(self._index, self._account.caches),
            key=lambda record: (record.name != INBOX, record.name.split(self.separator)),
        )

    async def mailbox(self, name: str) -> SpoolMailbox:
        """Resolve a name together with the rights."""
        await trio.lowlevel.checkpoint()
        try:
            normal = mailbox_name(name, self.separator)
        except MailboxNameRefused:
            raise MailboxNotFound from None
        if not self._may:
            raise MailboxNotFound
        number, record = await resolve(self._index, self._account.caches, normal)
        return SpoolMailbox(self._account, number, record)

    async def create(self, name: str, *, special_use: Collection[str] = ()) -> MailboxRecord:
        """Make it and its missing parents."""
        name = mailbox_name(name, self.separator)
        row = await self._commit(lambda draft: tree.create(draft, name, special_use))
        return read_record(self._index, self._account.caches, row.number)

    async def delete(self, name: str) -> None:
        """Remove it and its messages, not its children."""
        name = mailbox_name(name, self.separator)
        await self._commit(lambda draft: tree.delete(draft, name))
        self._environment.sweep(self._index)

    async def rename(self, name: str, new_name: str) -> None:
        """Rename it with its children; INBOX stays, and its messages move."""
        name = mailbox_name(name, self.separator)
        new_name = mailbox_name(new_name, self.separator)
        await self._commit(lambda draft: tree.rename(draft, name, new_name, self.separator))

    async def subscribe(self, name: str, subscribed: bool) -> None:
        """Subscribe a name, or end its subscription."""
        name = mailbox_name(name, self.separator)
        await self._commit(lambda draft: tree.subscribe(draft, name, subscribed=subscribed))

    async def subscriptions(self) -> Sequence[str]:
        """All subscribed names."""
        await trio.lowlevel.checkpoint()
        if not self._may:
            return []
        with self._index.snapshot() as connection:
            rows = select(connection, "SELECT name FROM subscription ORDER BY name")
        return [name for (name,) in rows]

    # Deposits.

    def prepare(self, append: Append) -> MessageDeposit:
        """A message to be committed together with other deposits."""
        self._must_own()
        name = mailbox_name(append.mailbox, self.separator)
        return MessageDeposit(self._account, append, name)

    async def append(self, append: Append) -> Stored:
        """Prepare and commit one message."""
        return (await self.append_all([append]))[0]

    async def append_all(self, appends: Sequence[Append]) -> Sequence[Stored]:
        """All or none, in one commit."""
        deposits = [self.prepare(append) for append in appends]
        try:
            memory_octets = 0
            for deposit in deposits:
                await deposit.place()
                memory_octets += deposit.memory_octets
                if memory_octets > APPEND_MEMORY_OCTETS:
                    raise TooLarge  # noqa: TRY301 - the files that were placed are removed below
            await self._environment.commit_log.commit([c for d in deposits for c in d.changes])
            for deposit in deposits:
                await deposit.commit()
        except BaseException:
            for deposit in deposits:
                await deposit.abort()
            raise
        return [deposit.stored for deposit in deposits]

    # Keys.

    async def seen(self, key: str) -> bool:
        """Whether `remember(key)` was committed and its lifetime has not ended."""
        await trio.lowlevel.checkpoint()
        with self._index.snapshot() as connection:
            row = select_one(connection, "SELECT until FROM remembered WHERE key = ?", (key,))
        return row is not None and row[0] > self._environment.clock.wall()

    def remember(self, key: str, *, lifetime_seconds: float) -> Deposit:
        """A record for `seen`."""
        self._must_own()
        if len(key) > KEY_CHARACTERS:
            raise TooLarge

        def work(draft: Draft) -> None:
            draft.do(Remembered(*draft.number(), key, draft.wall + lifetime_seconds))

        return AccountChange(self._account, work)

    # Documents.

    async def documents(self, kind: str) -> Sequence[Document]:
        """The newest version of each document of this kind, in name order."""
        await trio.lowlevel.checkpoint()
        if not self._may:
            return []
        with self._index.snapshot() as connection:
            return document.read_documents(connection, kind)

    async def document(
        self, kind: str, name: str, *, version: int | None = None
    ) -> Document | None:
        """One document, its newest or a given version; None if it is absent."""
        await trio.lowlevel.checkpoint()
        if not self._may:
            return None
        with self._index.snapshot() as connection:
            return document.read_document(connection, kind, name, version)

    async def active_document(self, kind: str) -> Document | None:
        """The active document of this kind, or None."""
        await trio.lowlevel.checkpoint_if_cancelled()
        if not self._may:
            return None
        return document.find_active(self._account, kind)

    async def put_document(self, kind: str, name: str, content: bytes) -> Document:
        """Make a document or a new version of it."""
        document.check_document(kind, name, content)
        return await self._commit(lambda draft: document.put(draft, kind, name, content))

    async def activate_document(self, kind: str, name: str | None) -> None:
        """Make this document the active one of its kind; None: none is active."""
        await self._commit(lambda draft: document.activate(draft, kind, name))

    async def delete_document(self, kind: str, name: str) -> bool:
        """Remove it, but not its history; False when it is absent."""
        return await self._commit(lambda draft: document.delete(draft, kind, name))

    async def document_history(self, kind: str, name: str) -> Sequence[Document]:
        """All versions of a document, oldest first."""
        await trio.lowlevel.checkpoint()
        if not self._may:
            return []
        with self._index.snapshot() as connection:
            return document.read_history(connection, kind, name)

    # The account as a whole.

    async def annotations(self) -> Mapping[str, bytes]:
        """Annotations of the account as a whole."""
        await trio.lowlevel.checkpoint()
        if not self._may:
            return {}
        with self._index.snapshot() as connection:
            return read_annotations(connection, OWN)

    async def annotate(self, entry: str, value: bytes | None) -> None:
        """Set an annotation; None removes it."""
        check_annotation(entry, value)
        await self._commit(lambda draft: draft.do(Annotated(*draft.number(), OWN, entry, value)))

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[trio.MemoryReceiveChannel[str]]:
        """Ids of mailboxes that may have changed."""
        self._must_own()
        async with watch_account(self._index, self._environment.watch) as channel:
            yield channel

    def ability(self, kind: type[A]) -> A | None:
        """This object for `SupportsUsage`; None for any other ability."""
        return cast("A", self) if kind is SupportsUsage else None

    async def usage(self) -> Usage:
        """Octets and messages of all mailboxes, without counting."""
        records = await self.mailboxes()
        return Usage(
            sum(record.size_octets for record in records),
            sum(record.messages for record in records),
            {record.name: record.size_octets for record in records},
        )
