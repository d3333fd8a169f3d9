"""An account as one identity sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeVar, cast

import trio
from thurn.plugin import (
    INBOX,
    AccountId,
    Append,
    Blob,
    Content,
    Deposit,
    Document,
    MailboxNameRefused,
    MailboxNotFound,
    MailboxRecord,
    Stored,
    SupportsUsage,
    Usage,
    mailbox_name,
)

from thurn_store_memory import document, tree
from thurn_store_memory.mailbox import MemoryMailbox
from thurn_store_memory.state import MailboxState, Message
from thurn_store_memory.work import AppendWork, OpenAccount

A = TypeVar("A")

WAITING_IDS: Final = 64
"""Ids of mailboxes that wait in the channel for a slow reader."""


class MemoryAccount:
    """An account; see `thurn.contracts.store.AccountHandle`. Also the ability `SupportsUsage`.

    Attributes:
        state: the content of the account, which tests may read.
    """

    def __init__(self, opened: OpenAccount) -> None:
        self._opened = opened
        self.state = opened.state

    @property
    def account(self) -> AccountId:
        """The account's id."""
        return self._opened.id

    @property
    def separator(self) -> str:
        """The hierarchy separator of names."""
        return self._opened.separator

    # The tree.

    def _record(self, name: str, mailbox: MailboxState) -> MailboxRecord:
        return mailbox.record(name, subscribed=name in self.state.subscribed)

    async def mailboxes(self) -> Sequence[MailboxRecord]:
        """All mailboxes in name order, INBOX first."""
        await trio.lowlevel.checkpoint()
        if not self._opened.may:
            return []
        names = sorted(
            self.state.mailboxes, key=lambda name: (name != INBOX, name.split(self.separator))
        )
        return [self._record(name, self.state.mailboxes[name]) for name in names]

    async def mailbox(self, name: str) -> MemoryMailbox:
        """Resolve a name together with the rights."""
        await trio.lowlevel.checkpoint()
        try:
            normal = mailbox_name(name, self.separator)
        except MailboxNameRefused:
            raise MailboxNotFound from None
        if not self._opened.may:
            raise MailboxNotFound
        mailbox = tree.find(self.state, normal)
        return MemoryMailbox(self._opened, mailbox, self._record(normal, mailbox))

    async def create(self, name: str, *, special_use: Collection[str] = ()) -> MailboxRecord:
        """Create a mailbox and its missing parents."""
        name, uses = mailbox_name(name, self.separator), frozenset(special_use)
        mailbox = await self._opened.commit(
            lambda: tree.create(self.state, name, self.separator, uses)
        )
        return self._record(name, mailbox)

    async def delete(self, name: str) -> None:
        """Delete a mailbox and its messages, but not its children."""
        name = mailbox_name(name, self.separator)
        await self._opened.commit(lambda: tree.delete(self.state, name))

    async def rename(self, name: str, new_name: str) -> None:
        """Rename a mailbox with its children; INBOX stays, and its messages move."""
        name = mailbox_name(name, self.separator)
        new_name = mailbox_name(new_name, self.separator)
        await self._opened.commit(lambda: tree.rename(self.state, name, new_name, self.separator))

    async def subscribe(self, name: str, subscribed: bool) -> None:
        """Subscribe a name, or end its subscription."""
        name = mailbox_name(name, self.separator)
        state, value = self.state, subscribed or None
        await self._opened.commit(lambda: state.put_or_drop(state.subscribed, name, value))

    async def subscriptions(self) -> Sequence[str]:
        """All subscribed names."""
        await trio.lowlevel.checkpoint()
        return sorted(self.state.subscribed) if self._opened.may else []

    # Deposits.

    def prepare(self, append: Append) -> AppendWork:
        """A deposit of a message, to be committed together with others."""
        blob = append.content.blob
        if blob.path is not None:  # the file will be removed, so the store keeps the octets
            blob = Blob(blob.read())
        content = Content(blob, append.content.prefix)
        return self._opened.append(lambda: self._append(append, content))

    def _append(self, append: Append, content: Content) -> Stored:
        state = self.state
        name = mailbox_name(append.mailbox, self.separator)
        if append.create and name not in state.mailboxes:
            tree.make(state, name, self.separator)
        mailbox = tree.find(state, name)
        if append.key:
            if append.key in state.delivered:
                return Stored(mailbox.id, mailbox.uidvalidity, 0)
            state.put(state.delivered, append.key, True)
        mask = state.mask(mailbox, append.flags)
        modseq = state.touch(mailbox)
        received = int(append.received.timestamp())
        uid = state.add(mailbox, Message(content, f"E{modseq}", mask, modseq, received))
        return Stored(mailbox.id, mailbox.uidvalidity, uid)

    async def append(self, append: Append) -> Stored:
        """Store one message."""
        return (await self.append_all([append]))[0]

    async def append_all(self, appends: Sequence[Append]) -> Sequence[Stored]:
        """Store all of the messages or none, in one commit."""
        return await self._opened.commit_all([self.prepare(append) for append in appends])

    # Keys.

    async def seen(self, key: str) -> bool:
        """Whether `remember(key)` was committed and its lifetime has not ended."""
        await trio.lowlevel.checkpoint()
        return self.state.remembered.get(key, 0.0) > self._opened.wall

    def remember(self, key: str, *, lifetime_seconds: float) -> Deposit:
        """A deposit of a key for `seen`."""
        until = self._opened.wall + lifetime_seconds
        return self._opened.work(lambda: self.state.put(self.state.remembered, key, until))

    # Documents.

    async def documents(self, kind: str) -> Sequence[Document]:
        """The newest version of each document of this kind, in name order."""
        await trio.lowlevel.checkpoint()
        return document.read_all(self.state, kind) if self._opened.may else []

    async def document(
        self, kind: str, name: str, *, version: int | None = None
    ) -> Document | None:
        """One document, its newest or a given version; None if it is absent."""
        await trio.lowlevel.checkpoint()
        if not self._opened.may:
            return None
        return document.read_one(self.state, kind, name, version)

    async def active_document(self, kind: str) -> Document | None:
        """The active document of this kind, or None."""
        await trio.lowlevel.checkpoint()
        return document.read_active(self.state, kind) if self._opened.may else None

    async def put_document(self, kind: str, name: str, content: bytes) -> Document:
        """Store a document, or a new version of it."""
        wall = self._opened.wall
        return await self._opened.commit(
            lambda: document.put(self.state, kind, name, content, wall)
        )

    async def activate_document(self, kind: str, name: str | None) -> None:
        """Make a document the active one of its kind; with None, no document is active."""
        await self._opened.commit(lambda: document.activate(self.state, kind, name))

    async def delete_document(self, kind: str, name: str) -> bool:
        """Delete a document, but not its history; False if it is absent."""
        return await self._opened.commit(lambda: document.delete(self.state, kind, name))

    async def document_history(self, kind: str, name: str) -> Sequence[Document]:
        """All versions of a document, oldest first."""
        await trio.lowlevel.checkpoint()
        return document.read_history(self.state, kind, name) if self._opened.may else []

    # The account as a whole.

    async def annotations(self) -> Mapping[str, bytes]:
        """Annotations of the account as a whole."""
        await trio.lowlevel.checkpoint()
        return dict(self.state.annotations) if self._opened.may else {}

    async def annotate(self, entry: str, value: bytes | None) -> None:
        """Set an annotation; None removes it."""
        state = self.state
        await self._opened.commit(lambda: state.put_or_drop(state.annotations, entry, value))

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[trio.MemoryReceiveChannel[str]]:
        """A channel with the ids of mailboxes that may have changed."""
        send, receive = trio.open_memory_channel[str](WAITING_IDS)
        async with (
            self._opened.notices.subscribe(self._opened.topic) as notices,
            trio.open_nursery() as nursery,
            receive,
        ):
            nursery.start_soon(self._follow, notices, send)
            yield receive
            nursery.cancel_scope.cancel()

    async def _follow(
        self, notices: trio.MemoryReceiveChannel[int], send: trio.MemorySendChannel[str]
    ) -> None:
        mailboxes = self.state.mailboxes.values()
        known = {mailbox.id: mailbox.numbers["modseq"] for mailbox in mailboxes}
        async for _ in notices:
            for mailbox in list(self.state.mailboxes.values()):
                modseq = mailbox.numbers["modseq"]
                if known.get(mailbox.id) != modseq:
                    known[mailbox.id] = modseq
                    await send.send(mailbox.id)

    def ability(self, kind: type[A]) -> A | None:
        """This object for `SupportsUsage`; None for any other ability."""
        return cast("A", self) if kind is SupportsUsage else None

    async def usage(self) -> Usage:
        """Octets and messages of all mailboxes."""
        records = await self.mailboxes()
        return Usage(
            sum(record.size_octets for record in records),
            sum(record.messages for record in records),
            {record.name: record.size_octets for record in records},
        )
