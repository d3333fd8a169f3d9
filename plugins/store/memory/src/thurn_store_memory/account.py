"""An account as one identity sees it: the tree, deposits, documents, keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar, cast

import trio
from thurn.plugin import (
    INBOX,
    Append,
    Blob,
    Content,
    Deposit,
    Document,
    DocumentNotFound,
    MailboxExists,
    MailboxNameRefused,
    MailboxNotFound,
    MailboxRecord,
    NotPermitted,
    Stored,
    SupportsUsage,
    Usage,
    mailbox_name,
    parents,
)

from thurn_store_memory.change import AccountWork, AppendWork, Work
from thurn_store_memory.mailbox import MemoryMailbox
from thurn_store_memory.state import MailboxState, Message

T = TypeVar("T")
A = TypeVar("A")


class MemoryAccount(AccountWork):
    """See `thurn.contracts.store.AccountHandle`; also the ability `SupportsUsage`."""

    # The tree.

    async def mailboxes(self) -> Sequence[MailboxRecord]:
        """All, in name order, INBOX first."""
        await trio.lowlevel.checkpoint()
        if not self._may:
            return []
        subscribed = self.state.subscribed
        return [
            mailbox.record(name, subscribed=name in subscribed)
            for name, mailbox in sorted(
                self.state.mailboxes.items(),
                key=lambda item: (item[0] != INBOX, item[0].split(self.separator)),
            )
        ]

    async def mailbox(self, name: str) -> MemoryMailbox:
        """Resolve a name with its rights."""
        await trio.lowlevel.checkpoint()
        return MemoryMailbox(self, self._find(name))

    def _find(self, name: str) -> MailboxState:
        try:
            found = self.state.mailboxes.get(mailbox_name(name, self.separator))
        except MailboxNameRefused:
            found = None
        if found is None or not self._may:
            raise MailboxNotFound
        return found

    def _make(self, name: str, special_use: frozenset[str]) -> MailboxState:
        for parent in parents(name, self.separator):
            if parent not in self.state.mailboxes:
                self.state.make_mailbox(parent, frozenset())
        return self.state.make_mailbox(name, special_use)

    async def create(self, name: str, *, special_use: Collection[str] = ()) -> MailboxRecord:
        """Make it and its missing parents."""
        name = mailbox_name(name, self.separator)

        def do() -> MailboxRecord:
            if name in self.state.mailboxes:
                raise MailboxExists
            made = self._make(name, frozenset(special_use))
            return made.record(name, subscribed=name in self.state.subscribed)

        return await self.commit(do)

    async def delete(self, name: str) -> None:
        """Remove it and its messages, not its children."""

        def do() -> None:
            found = self._find(name)
            if found is self.state.mailboxes[INBOX]:
                raise NotPermitted
            self.state.drop(self.state.mailboxes, mailbox_name(name, self.separator))

        await self.commit(do)

    async def rename(self, name: str, new_name: str) -> None:
        """With its children; of INBOX the messages only."""
        new_name = mailbox_name(new_name, self.separator)

        def do() -> None:
            old_name, mailboxes = mailbox_name(name, self.separator), self.state.mailboxes
            mailbox = self._find(name)
            if new_name in mailboxes:
                raise MailboxExists
            if old_name == INBOX:
                self._move_all(mailbox, self._make(new_name, frozenset()))
                return
            below = old_name + self.separator
            if new_name.startswith(below):
                raise MailboxNameRefused
            moved = {n: m for n, m in mailboxes.items() if n == old_name or n.startswith(below)}
            targets = {
                mailbox_name(new_name + n[len(old_name) :], self.separator): m
                for n, m in moved.items()
            }
            for old in moved:
                self.state.drop(mailboxes, old)
            if not mailboxes.keys().isdisjoint(targets):
                raise MailboxExists
            for parent in parents(new_name, self.separator):
                if parent not in mailboxes:
                    self.state.make_mailbox(parent, frozenset())
            for target, one in targets.items():
                self.state.put(mailboxes, target, one)

        await self.commit(do)

    def _move_all(self, source: MailboxState, target: MailboxState) -> None:
        for name, bit in source.flags.items():
            self.state.put(target.flags, name, bit)
        uids = sorted(source.messages)
        for uid in uids:
            self.state.add(target, replace(source.messages[uid], modseq=self.state.touch(target)))
        if uids:
            self.state.remove(source, uids)

    async def subscribe(self, name: str, subscribed: bool) -> None:
        """Subscribe or not."""
        name = mailbox_name(name, self.separator)

        def do() -> None:
            if subscribed:
                self.state.put(self.state.subscribed, name, True)
            elif name in self.state.subscribed:
                self.state.drop(self.state.subscribed, name)

        await self.commit(do)

    async def subscriptions(self) -> Sequence[str]:
        """All subscribed names."""
        await trio.lowlevel.checkpoint()
        return sorted(self.state.subscribed) if self._may else []

    # Deposits.

    def prepare(self, append: Append) -> AppendWork:
        """A message to be committed together with other deposits."""
        if not self._may:
            raise NotPermitted
        blob = append.content.blob
        if blob.path is not None:  # the file goes away; a store keeps its own
            blob = Blob(blob.read())
        content = Content(blob, append.content.prefix)
        return AppendWork(self.state, lambda: self._append(append, content), self.tell)

    def _append(self, append: Append, content: Content) -> Stored:
        state = self.state
        name = mailbox_name(append.mailbox, self.separator)
        mailbox = state.mailboxes.get(name)
        if mailbox is None:
            if not append.create:
                raise MailboxNotFound
            mailbox = self._make(name, frozenset())
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
        """Prepare and commit one message."""
        return (await self.append_all([append]))[0]

    async def append_all(self, appends: Sequence[Append]) -> Sequence[Stored]:
        """All or none, in one commit."""
        works = [self.prepare(append) for append in appends]
        await self._context.commit_log.commit(works)
        return [work.result for work in works]

    # Keys.

    async def seen(self, key: str) -> bool:
        """Whether `remember(key)` was committed and still lives."""
        await trio.lowlevel.checkpoint()
        return self.state.remembered.get(key, 0.0) > self._context.clock.wall()

    def remember(self, key: str, *, lifetime_seconds: float) -> Deposit:
        """A record for `seen`."""
        until = self._context.clock.wall() + lifetime_seconds
        return Work(
            self.state, lambda: self.state.put(self.state.remembered, key, until), self.tell
        )

    # Documents.

    def _shown(self, document: Document) -> Document:
        place = (document.kind, document.name)
        newest = self.state.documents[place][-1].version == document.version
        active = (
            newest
            and place in self.state.present
            and self.state.active.get(document.kind) == document.name
        )
        return replace(document, active=active)

    async def documents(self, kind: str) -> Sequence[Document]:
        """The newest version of each, in name order."""
        await trio.lowlevel.checkpoint()
        places = sorted(place for place in self.state.present if place[0] == kind)
        return [self._shown(self.state.documents[place][-1]) for place in places]

    async def document(
        self, kind: str, name: str, *, version: int | None = None
    ) -> Document | None:
        """The newest or a given version; None if absent."""
        await trio.lowlevel.checkpoint()
        versions = self.state.documents.get((kind, name), ())
        if version is None:
            return self._shown(versions[-1]) if (kind, name) in self.state.present else None
        return next((self._shown(d) for d in versions if d.version == version), None)

    async def active_document(self, kind: str) -> Document | None:
        """The active document of this kind, or None."""
        await trio.lowlevel.checkpoint()
        place = (kind, self.state.active.get(kind, ""))
        return self._shown(self.state.documents[place][-1]) if place[1] else None

    async def put_document(self, kind: str, name: str, content: bytes) -> Document:
        """Make a document or a new version of it."""

        def do() -> Document:
            state, place = self.state, (kind, name)
            versions = state.documents.get(place, ())
            made = Document(kind, name, content, len(versions) + 1, self._context.clock.wall())
            state.put(state.documents, place, (*versions, made))
            state.put(state.present, place, True)
            state.next_number("modseq")
            return self._shown(made)

        return await self.commit(do)

    async def activate_document(self, kind: str, name: str | None) -> None:
        """Make this one the active one of its kind; None: none is."""

        def do() -> None:
            if name is not None:
                if (kind, name) not in self.state.present:
                    raise DocumentNotFound
                self.state.put(self.state.active, kind, name)
            elif kind in self.state.active:
                self.state.drop(self.state.active, kind)

        await self.commit(do)

    async def delete_document(self, kind: str, name: str) -> bool:
        """Remove it; its history stays."""

        def do() -> bool:
            if (kind, name) not in self.state.present:
                return False
            self.state.drop(self.state.present, (kind, name))
            if self.state.active.get(kind) == name:
                self.state.drop(self.state.active, kind)
            return True

        return await self.commit(do)

    async def document_history(self, kind: str, name: str) -> Sequence[Document]:
        """All versions, oldest first."""
        await trio.lowlevel.checkpoint()
        return [self._shown(d) for d in self.state.documents.get((kind, name), ())]

    # The account as a whole.

    async def annotations(self) -> Mapping[str, bytes]:
        """Annotations of the account as a whole."""
        await trio.lowlevel.checkpoint()
        return dict(self.state.annotations)

    async def annotate(self, entry: str, value: bytes | None) -> None:
        """Set or (None) remove one."""

        def do() -> None:
            if value is not None:
                self.state.put(self.state.annotations, entry, value)
            elif entry in self.state.annotations:
                self.state.drop(self.state.annotations, entry)

        await self.commit(do)

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[trio.MemoryReceiveChannel[str]]:
        """Ids of mailboxes that may have changed."""
        send, receive = trio.open_memory_channel[str](64)
        async with (
            self.notices.subscribe(self.topic) as hints,
            trio.open_nursery() as nursery,
            receive,
        ):
            nursery.start_soon(self._follow, hints, send)
            yield receive
            nursery.cancel_scope.cancel()

    async def _follow(
        self, hints: trio.MemoryReceiveChannel[int], send: trio.MemorySendChannel[str]
    ) -> None:
        known = {m.id: m.numbers["modseq"] for m in self.state.mailboxes.values()}
        async for _ in hints:
            for mailbox in list(self.state.mailboxes.values()):
                modseq = mailbox.numbers["modseq"]
                if known.get(mailbox.id) != modseq:
                    known[mailbox.id] = modseq
                    await send.send(mailbox.id)

    def ability(self, kind: type[A]) -> A | None:
        """Usage."""
        return cast("A", self) if kind is SupportsUsage else None

    async def usage(self) -> Usage:
        """Octets and messages of all mailboxes."""
        records = await self.mailboxes()
        octets = sum(record.size_octets for record in records)
        return Usage(
            octets,
            sum(record.messages for record in records),
            {record.name: record.size_octets for record in records},
        )
