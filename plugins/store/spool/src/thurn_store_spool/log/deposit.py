"""Storing a message: before the round of the commit log, in it, and for bodies too big for the log.

Before the round the message is scanned, once. In the round it gets UID and MODSEQ, its rows and its
record; the body goes into the same frame. A body above SPILL_OCTETS goes to its file first, synced
(`place`); where nobody awaited that, the round itself does it, and waits for the disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import apsw
import trio
from thurn.plugin import (
    SPILL_OCTETS,
    Append,
    Change,
    Frame,
    MailboxNotFound,
    StorageTrouble,
    Stored,
    TooLarge,
)

from thurn_store_spool.body.file import remove_body
from thurn_store_spool.body.summary import summarise, summary_octets
from thurn_store_spool.environment import OpenAccount
from thurn_store_spool.index.accountindex import AccountIndex
from thurn_store_spool.index.tree import MailboxRow
from thurn_store_spool.index.trouble import TroubleError
from thurn_store_spool.log.draft import Draft
from thurn_store_spool.operation.kind import (
    AccountOperations,
    Appended,
    Operation,
    Summary,
    encode,
)
from thurn_store_spool.operation.perform import append_message, take_key

SUMMARY_OCTETS: Final = 16_384
"""Octets of the largest summary that a record carries, usually below 1 KiB; a replay scans the
messages without one."""

KEY_CHARACTERS: Final = 1_024
"""The longest key: a transaction's id and a recipient (RFC 5321 §4.5.3.1: 320 octets)."""


class MessageDeposit:
    """An append as a change of the commit log and a deposit of the host.

    Args:
        account: whose message it is.
        append: what to store.
        name: the normal name of the mailbox.
    """

    __slots__ = (
        "_account",
        "_append",
        "_durable",
        "_environment",
        "_index",
        "_is_big",
        "_is_repeat",
        "_message",
        "_name",
        "_operations",
        "_placed",
        "_stored",
        "_summary",
    )

    def __init__(self, account: OpenAccount, append: Append, name: str) -> None:
        if len(append.key) > KEY_CHARACTERS:
            raise TooLarge
        blob = append.content.blob
        self._account = account
        self._index = account.index
        self._environment = account.environment
        self._append = append
        self._name = name
        self._message = account.environment.number_message()
        self._is_big = blob.path is not None or blob.size_octets > SPILL_OCTETS
        self._placed = self._durable = self._is_repeat = False
        self._summary: Summary | None = None if self._is_big else summarise(append.content)
        self._stored: Stored | None = None
        self._operations: Sequence[Operation] = ()

    # The deposit.

    @property
    def changes(self) -> Sequence[Change]:
        """Itself."""
        return (self,)

    @property
    def stored(self) -> Stored:
        """Where it went; after the commit."""
        if self._stored is None:
            raise StorageTrouble("the message has not been committed")
        return self._stored

    @property
    def memory_octets(self) -> int:
        """What the deposit takes in memory besides its content."""
        return summary_octets(self._summary) if self._summary else 0

    async def place(self) -> None:
        """Bring a body that is too big for the log to its file. Before the commit; optional.

        Raises:
            StorageError: it could not be written.

        Cancellation: the thread finishes first; `abort` removes what it wrote.
        """
        if self._is_big and not self._placed:
            await trio.to_thread.run_sync(self._place)

    async def commit(self) -> None:
        """Remove the file of a repeat; the log has done everything else."""
        if self._is_repeat:
            self._remove_file()

    async def abort(self) -> None:
        """Forget it, and remove the file of a big body unless a record names it or may do so."""
        if not self._durable and not self._environment.commit_log.has_failed:
            self._remove_file()

    def _remove_file(self) -> None:
        if self._placed:
            try:
                remove_body(self._index.directory, self._message)
            except OSError as error:  # the upkeep tries again
                self._environment.diagnostics.warning("store.body_left", detail=str(error))

    def _place(self) -> None:
        content = self._append.content
        try:
            self._index.make_directory()
            self._summary = self._environment.shared.place(
                self._index.directory, self._message, content
            )
        except (OSError, TroubleError) as error:
            raise self._index.failed(error) from error
        self._placed = True

    # The change.

    @property
    def resource(self) -> AccountIndex:
        """The account's index."""
        return self._index

    def apply(self, frame: Frame) -> None:
        """Give the message its UID; again when the round is repeated."""
        if self._summary is None:
            self._place()
        try:
            self._apply(frame)
        except apsw.Error as error:
            raise self._index.failed(error) from error

    def _apply(self, frame: Frame) -> None:
        append, index, summary = self._append, self._index, self._summary
        if summary is None:
            raise StorageTrouble("the message was not scanned")
        at = int(self._environment.clock.wall())
        self._operations = ()
        self._is_repeat = bool(append.key) and not take_key(index.writer, append.key, at)
        if self._is_repeat:
            mailbox = index.written_tree.by_name.get(self._name)
            self._stored = (
                Stored(mailbox.id, mailbox.uidvalidity, 0) if mailbox else Stored("", 0, 0)
            )
            return
        operations: list[Operation] = []
        row, flags = self._target(append, operations)
        logged = None
        if not self._placed:
            reference = frame.blob(append.content.blob)
            logged = (reference.slot, reference.generation, reference.offset)
        uid = index.take_uids(row.number)
        operation = Appended(
            index.take_modseq(),
            self._message,
            row.number,
            row.name,
            uid,
            flags,
            int(append.received.timestamp()),
            append.content.blob.size_octets,
            append.content.prefix,
            logged,
            append.key,
            at,
            summary if summary_octets(summary) <= SUMMARY_OCTETS else None,
        )
        append_message(index.writer, operation, summary)
        operations.append(operation)
        record = AccountOperations(index.account, operations)
        frame.record(self._environment.name, encode(record))
        self._operations = operations
        self._stored = Stored(row.id, row.uidvalidity, uid)

    def _target(self, append: Append, operations: list[Operation]) -> tuple[MailboxRow, int]:
        """The mailbox and the bits of the flags; adds the operations that make what is missing."""
        row = self._index.written_tree.by_name.get(self._name)
        if row is not None:
            mask = 0
            for flag in append.flags:
                bit = row.bits.get(flag.lower())
                if bit is None:
                    break
                mask |= 1 << bit
            else:
                return row, mask
        elif not append.create:
            raise MailboxNotFound
        draft = Draft(self._account)
        row = row or draft.make(self._name)
        mask = draft.mask(row, append.flags)
        operations += draft.operations
        return row, mask

    def applied(self) -> None:
        """Move on what is remembered, and tell all workers."""
        self._durable = True
        if self._operations:
            self._account.caches.committed(self._operations)
            self._environment.watch.tell(self._index.account)
