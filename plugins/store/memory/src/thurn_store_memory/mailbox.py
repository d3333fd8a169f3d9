"""A mailbox as one identity sees it."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

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
    StoreResult,
    View,
    mailbox_name,
)

from thurn_store_memory.state import MailboxState, Message, summary
from thurn_store_memory.tree import find
from thurn_store_memory.work import OpenAccount

RECHECK_SECONDS: Final = 1.0
"""Seconds between two checks of a waiter: a notice may be lost, and the contract promises a
second."""


class MemoryMailbox:
    """A mailbox; see `thurn.contracts.store.Mailbox`."""

    def __init__(self, account: OpenAccount, mailbox: MailboxState, record: MailboxRecord) -> None:
        self._account = account
        self._state = account.state
        self._mailbox = mailbox
        self._record = record
        self._view: View | None = None

    def _must_exist(self) -> None:
        """Raise MailboxNotFound if the mailbox was deleted."""
        if not any(mailbox is self._mailbox for mailbox in self._state.mailboxes.values()):
            raise MailboxNotFound

    @property
    def record(self) -> MailboxRecord:
        """The record at the time when the name was resolved."""
        return self._record

    async def view(self) -> View:
        """The newest state of the mailbox."""
        await trio.lowlevel.checkpoint()
        self._must_exist()
        mailbox, numbers = self._mailbox, self._mailbox.numbers
        known = self._view
        if known is not None and known.highestmodseq == numbers["modseq"]:
            return known
        rows = sorted(mailbox.messages.items())
        self._view = View(
            mailbox.id,
            mailbox.uidvalidity,
            numbers["uidnext"],
            numbers["modseq"],
            tuple(mailbox.flags),
            *_columns(rows),
        )
        return self._view

    async def changes(self, since: int) -> Changes:
        """The changes after a MODSEQ."""
        await trio.lowlevel.checkpoint()
        self._must_exist()
        mailbox = self._mailbox
        rows = sorted((u, m) for u, m in mailbox.messages.items() if m.modseq > since)
        uids, flags, modseqs, sizes, received = _columns(rows)
        vanished = sorted(uid for uid, modseq in mailbox.vanished.items() if modseq > since)
        return Changes(
            mailbox.numbers["modseq"],
            mailbox.numbers["uidnext"],
            tuple(mailbox.flags),
            uids,
            flags,
            modseqs,
            sizes,
            received,
            array("I", vanished),
        )

    async def wait_changed(self, since: int) -> None:
        """Return when the mailbox may have passed this MODSEQ."""
        await trio.lowlevel.checkpoint()
        async with self._account.notices.subscribe(self._account.topic) as channel:
            while self._mailbox.numbers["modseq"] <= since:
                self._must_exist()
                with trio.move_on_after(RECHECK_SECONDS):
                    await channel.receive()

    async def summaries(self, uids: Sequence[int]) -> Sequence[MessageSummary | None]:
        """The summaries in the order of `uids`; None for messages that no longer exist."""
        await trio.lowlevel.checkpoint()
        self._must_exist()
        messages = self._mailbox.messages
        return [summary(uid, messages[uid]) if uid in messages else None for uid in uids]

    async def headers(self, uids: Sequence[int]) -> Sequence[bytes | None]:
        """The cached fields in the order of `uids`; None for messages that no longer exist."""
        return [message and message.headers for message in await self.summaries(uids)]

    async def body(self, uid: int) -> Content:
        """The message as stored."""
        await trio.lowlevel.checkpoint()
        self._must_exist()
        message = self._mailbox.messages.get(uid)
        if message is None:
            raise MessageExpunged
        return message.content

    async def bodies(self, uids: Sequence[int]) -> Sequence[Content | None]:
        """The messages in the order of `uids`; None for those that no longer exist."""
        await trio.lowlevel.checkpoint()
        self._must_exist()
        messages = self._mailbox.messages
        return [messages[uid].content if uid in messages else None for uid in uids]

    async def flag(
        self,
        uids: Collection[int],
        change: FlagChange,
        flags: Sequence[str],
        *,
        unchanged_since: int | None = None,
    ) -> StoreResult:
        """Change flags; UIDs that no longer exist are ignored."""

        def do() -> StoreResult:
            self._must_exist()
            state, mailbox = self._state, self._mailbox
            mask = state.mask(mailbox, tuple(flags), make=change is not FlagChange.REMOVE)
            present = sorted({uid for uid in uids if uid in mailbox.messages})
            refused = [
                uid
                for uid in present
                if unchanged_since is not None and mailbox.messages[uid].modseq > unchanged_since
            ]
            wanted = {
                uid: _joined(mailbox.messages[uid].flags, change, mask)
                for uid in present
                if uid not in refused
            }
            wanted = {u: f for u, f in wanted.items() if mailbox.messages[u].flags != f}
            modseq = state.touch(mailbox) if wanted else 0
            for uid, flagged in wanted.items():
                old = mailbox.messages[uid]
                state.put(mailbox.messages, uid, replace(old, flags=flagged, modseq=modseq))
            return StoreResult(tuple(refused), modseq)

        return await self._account.commit(do)

    async def expunge(
        self, uids: Collection[int], *, unchanged_since: int | None = None
    ) -> Sequence[int]:
        """Remove messages whatever their flags, except those changed after `unchanged_since`."""

        def do() -> Sequence[int]:
            self._must_exist()
            messages = self._mailbox.messages
            present = sorted({uid for uid in uids if uid in messages})
            if unchanged_since is not None:
                present = [uid for uid in present if messages[uid].modseq <= unchanged_since]
            if present:
                self._state.remove(self._mailbox, present)
            return present

        return await self._account.commit(do)

    async def copy(self, uids: Collection[int], target: str) -> CopyResult:
        """Copy all messages or none, in UID order."""
        return await self._account.commit(lambda: self._copy(uids, target))

    async def move(self, uids: Collection[int], target: str) -> CopyResult:
        """Copy and expunge in one step."""

        def do() -> CopyResult:
            result = self._copy(uids, target)
            if result.source_uids:
                self._state.remove(self._mailbox, list(result.source_uids))
            return result

        return await self._account.commit(do)

    def _copy(self, uids: Collection[int], target_name: str) -> CopyResult:
        self._must_exist()
        state, source = self._state, self._mailbox
        target = find(state, mailbox_name(target_name, self._account.separator))
        present = sorted({uid for uid in uids if uid in source.messages})
        names = tuple(source.flags)
        new_uids = []
        for uid in present:
            old = source.messages[uid]
            words = tuple(name for bit, name in enumerate(names) if old.flags >> bit & 1)
            mask = state.mask(target, words)
            copied = replace(old, flags=mask, modseq=state.touch(target))
            new_uids.append(state.add(target, copied))
        return CopyResult(target.uidvalidity, tuple(present), tuple(new_uids))

    async def annotations(self) -> Mapping[str, bytes]:
        """All annotations of the mailbox."""
        await trio.lowlevel.checkpoint()
        return dict(self._mailbox.annotations)

    async def annotate(self, entry: str, value: bytes | None) -> None:
        """Set an annotation; None removes it."""

        def do() -> None:
            self._must_exist()
            self._state.put_or_drop(self._mailbox.annotations, entry, value)

        await self._account.commit(do)


def _columns(
    rows: Sequence[tuple[int, Message]],
) -> tuple[array[int], array[int], array[int], array[int], array[int]]:
    return (
        array("I", [uid for uid, _ in rows]),
        array("Q", [message.flags for _, message in rows]),
        array("Q", [message.modseq for _, message in rows]),
        array("Q", [message.content.size_octets for _, message in rows]),
        array("q", [message.received for _, message in rows]),
    )


def _joined(flags: int, change: FlagChange, mask: int) -> int:
    if change is FlagChange.ADD:
        return flags | mask
    if change is FlagChange.REMOVE:
        return flags & ~mask
    return mask
