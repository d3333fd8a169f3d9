"""An entry comes in: what happens before the round of the log, in it, and after it.

A body above SPILL_OCTETS goes to its file first, synced, in a thread (`place`); where nobody has
awaited that, the round does it itself, and waits for the disk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import trio
from thurn.plugin import SPILL_OCTETS, Change, Clock, Content, Envelope, Frame, QueueId

from thurn_queue_spool.body import Bodies
from thurn_queue_spool.database import Database, engine_errors, one
from thurn_queue_spool.perform import insert, is_accepted
from thurn_queue_spool.record import Inserted, encode


@dataclass(frozen=True, slots=True)
class Parts:
    """What deposits and leases share.

    Attributes:
        owner: the name of the queue's records in the log.
        draw: makes a new id; ids sort as they were made.
        tell: says to all workers that something may be due.
    """

    owner: str
    database: Database
    bodies: Bodies
    clock: Clock
    draw: Callable[[], QueueId]
    tell: Callable[[], None]


class QueueDeposit:
    """See `thurn.contracts.store.Deposit`; its one change is itself.

    Args:
        parts: of the queue.
        envelope: whose recipients the entry has.
        packed: what the entry keeps (`KeptEntry`).
        content: the message.
        key: see `thurn.contracts.queue.Queue.prepare`.

    Attributes:
        id: of the entry that it will be.
    """

    __slots__ = (
        "_content",
        "_is_big",
        "_is_repeat",
        "_key",
        "_may_be_written",
        "_packed",
        "_parts",
        "_placed",
        "_recipients",
        "id",
    )

    def __init__(
        self, parts: Parts, envelope: Envelope, packed: bytes, content: Content, key: str
    ) -> None:
        self.id = parts.draw()
        self._parts = parts
        self._content = content
        self._packed = packed
        self._recipients = len(envelope.recipients)
        self._key = _repeat_key(key, envelope) if key else None
        blob = content.blob
        self._is_big = blob.path is not None or blob.size_octets > SPILL_OCTETS
        self._placed = self._may_be_written = self._is_repeat = False

    @property
    def changes(self) -> Sequence[Change]:
        """Itself."""
        return (self,)

    @property
    def resource(self) -> Database:
        """The queue's file."""
        return self._parts.database

    async def place(self) -> None:
        """Bring a body that is too big for the log to its file. Before the commit; optional.

        Raises:
            StorageError: it could not be written.

        Cancellation: the thread finishes first; `abort` removes what it wrote.
        """
        if self._is_big and not self._placed:
            await trio.to_thread.run_sync(self._place)

    def _place(self) -> None:
        with engine_errors():
            self._parts.bodies.place(self.id, self._content.blob)
        self._placed = True

    def apply(self, frame: Frame) -> None:
        """Insert the entry and add its record; nothing for a repeat."""
        database, blob = self._parts.database, self._content.blob
        with engine_errors():
            self._is_repeat = is_accepted(database.writer, self.id, self._key)
            if self._is_repeat:
                return
            place = None
            if self._is_big:
                if not self._placed:
                    self._place()
            else:
                found = frame.blob(blob)
                place = (found.slot, found.generation, found.offset)
            pruned_at = one(database.writer, "SELECT pruned_at FROM position")[0]
            op = Inserted(
                database.take_sequence(),
                self.id,
                self._key,
                max(self._parts.clock.wall(), pruned_at + 1),
                self._packed,
                self._recipients,
                self._content.prefix,
                blob.size_octets,
                place,
            )
            insert(database.writer, op)
        frame.record(self._parts.owner, encode(op))
        self._may_be_written = True

    def applied(self) -> None:
        """Tell all workers."""
        self._parts.tell()

    async def commit(self) -> None:
        """The log has done it; a repeat's file goes."""
        if self._is_repeat:
            self._forget()

    async def abort(self) -> None:
        """Forget it. A file that a record on the disk may name stays; `sweep` knows later."""
        if not self._may_be_written:
            self._forget()

    def _forget(self) -> None:
        if self._placed:
            with suppress(OSError):  # `sweep` tries again
                self._parts.bodies.remove(self.id)


def _repeat_key(key: str, envelope: Envelope) -> bytes:
    """A key counts with its recipients: what goes to others is never taken for a repeat."""
    words = "\0".join([key, *(str(one.address) for one in envelope.recipients)])
    return hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=16).digest()
