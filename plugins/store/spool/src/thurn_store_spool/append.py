"""Storing a message: what happens before the round, in it, and for bodies too big for the log.

Before the round the message is scanned once. In the round it gets UID and MODSEQ, its rows and its
record; the body goes into the same frame. A body above SPILL_OCTETS goes to its file first, synced
(`place`); where nobody awaited that, the round itself does it, and waits for the disk.
"""

from __future__ import annotations

from collections.abc import Sequence

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

from thurn_store_spool.body import remove_body
from thurn_store_spool.draft import Draft
from thurn_store_spool.environment import Environment
from thurn_store_spool.index import AccountIndex
from thurn_store_spool.operation import Appended, Entry, Operation, encode
from thurn_store_spool.perform import append_message, take_key
from thurn_store_spool.schema import storage_error
from thurn_store_spool.shared import summarise
from thurn_store_spool.tree import MailboxRow

SUMMARY_OCTETS = 16_384
"""Of what a record carries besides the message; usually below 1 KiB. Above it replay scans."""

SUMMARIES_OCTETS = 16_777_216
"""Of all messages of one `append_all`, which wait in memory for their one round. Usual ones are
some 4 KiB; a thousand with the longest headers that are read would be a gigabyte."""

KEY_OCTETS = 1_024
"""An idempotency key is a transaction's id and a recipient (RFC 5321 §4.5.3.1: 320 octets)."""


class MessageDeposit:
    """An append as a change of the log and a deposit of the host."""

    __slots__ = (
        "_append",
        "_big",
        "_durable",
        "_environment",
        "_index",
        "_is_repeat",
        "_message",
        "_name",
        "_placed",
        "_stored",
        "_summary",
        "_touched",
    )

    def __init__(
        self, index: AccountIndex, environment: Environment, append: Append, name: str
    ) -> None:
        if len(append.key) > KEY_OCTETS:
            raise TooLarge
        blob = append.content.blob
        self._index = index
        self._environment = environment
        self._append = append
        self._name = name
        self._message = environment.number_message()
        self._big = blob.path is not None or blob.size_octets > SPILL_OCTETS
        self._placed = self._durable = self._is_repeat = False
        self._summary = None if self._big else summarise(append.content)
        self._stored: Stored | None = None
        self._touched: set[int] = set()

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
    def summary_octets(self) -> int:
        """What the deposit keeps in memory besides its content."""
        return sum(map(len, self._summary[1:])) if self._summary else 0

    async def place(self) -> None:
        """Bring a body that is too big for the log to its file. Before the commit; optional.

        Raises:
            StorageError: it could not be written.

        Cancellation: the thread finishes first; `abort` removes what it wrote.
        """
        if self._big and not self._placed:
            await trio.to_thread.run_sync(self._place)

    async def commit(self) -> None:
        """The log has done it; the file of a repeat goes."""
        if self._is_repeat:
            self._forget()

    async def abort(self) -> None:
        """Forget it, and the file of a big body that no record names or will name."""
        if not self._durable and not self._environment.commit_log.has_failed:
            self._forget()

    def _forget(self) -> None:
        if self._placed:
            try:
                remove_body(self._index.directory, self._message)
            except OSError as error:  # the sweep tries again
                self._environment.diagnostics.warning("store.body_left", detail=str(error))

    def _place(self) -> None:
        content = self._append.content
        try:
            self._index.make_directory()
            self._summary = self._environment.shared.place(
                self._index.directory, self._message, content
            )
        except OSError as error:
            raise storage_error(error) from error
        self._placed = True

    # The change.

    @property
    def resource(self) -> AccountIndex:
        """The account's index."""
        return self._index

    def apply(self, frame: Frame) -> None:
        """Give it a UID; again when the round is repeated."""
        if self._summary is None:
            self._place()
        try:
            self._apply(frame)
        except apsw.Error as error:
            raise storage_error(error) from error

    def _apply(self, frame: Frame) -> None:
        append, index, summary = self._append, self._index, self._summary
        if summary is None:
            raise StorageTrouble("the message was not scanned")
        operations: list[Operation] = []
        at = int(self._environment.clock.wall())
        self._is_repeat = bool(append.key) and not take_key(index.writer, append.key, at)
        if self._is_repeat:
            known = index.open_tree.by_name.get(self._name)
            self._stored = Stored(known.id, known.uidvalidity, 0) if known else Stored("", 0, 0)
            self._touched = set()
            return
        row, flags = self._find(append, operations)
        place = None
        if not self._placed:
            reference = frame.blob(append.content.blob)
            place = (reference.slot, reference.generation, reference.offset)
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
            place,
            append.key,
            at,
            summary if sum(map(len, summary[1:])) <= SUMMARY_OCTETS else None,
        )
        append_message(index.writer, operation, summary)
        index.note(operation)
        operations.append(operation)
        frame.record(self._environment.name, encode(Entry(index.account, operations)))
        self._stored = Stored(row.id, row.uidvalidity, uid)
        self._touched = {row.number}

    def _find(self, append: Append, operations: list[Operation]) -> tuple[MailboxRow, int]:
        """The mailbox and the flags' bits; what had to be made is added to the operations."""
        row = self._index.open_tree.by_name.get(self._name)
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
        draft = Draft(self._index, self._environment)
        row = row or draft.make(self._name)
        mask = draft.mask(row, append.flags)
        operations += draft.operations
        return row, mask

    def applied(self) -> None:
        """Tell all workers."""
        self._durable = True
        if self._touched:
            self._environment.watch.tell(self._index.account)
