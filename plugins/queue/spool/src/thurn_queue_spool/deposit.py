"""An entry is queued: the steps before, in and after the round of the commit log.

A body above SPILL_OCTETS is first written to its file and synced, in a thread (`place`). If nobody
has awaited that, the round does it itself, and waits for the disk.
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
    """The parts of a queue that deposits and leases share.

    Attributes:
        owner: the name of the queue's records in the log.
        draw: makes a new id; ids sort in the order of their making.
        tell: tells all workers that an entry may be due.
    """

    owner: str
    database: Database
    bodies: Bodies
    clock: Clock
    draw: Callable[[], QueueId]
    tell: Callable[[], None]


class QueueDeposit:
    """A deposit whose only change is itself; see `thurn.contracts.store.Deposit`.

    Args:
        parts: the parts of the queue.
        envelope: the envelope with the entry's recipients.
        packed: the packed `KeptEntry`.
        content: the message.
        key: see `thurn.contracts.queue.Queue.prepare`.

    Attributes:
        id: the id of the new entry.
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
        """This change alone."""
        return (self,)

    @property
    def resource(self) -> Database:
        """The queue's file."""
        return self._parts.database

    async def place(self) -> None:
        """Write a body that is too big for the log to its file; optional, before the commit.

        Raises:
            StorageError: the body could not be written.

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
                reference = frame.blob(blob)
                place = (reference.slot, reference.generation, reference.offset)
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
        """Remove the file of a repeat; the log has done everything else."""
        if self._is_repeat:
            self._forget()

    async def abort(self) -> None:
        """Drop the deposit. A file that a record may refer to stays, until `sweep` decides."""
        if not self._may_be_written:
            self._forget()

    def _forget(self) -> None:
        if self._placed:
            with suppress(OSError):  # `sweep` tries again
                self._parts.bodies.remove(self.id)


def _repeat_key(key: str, envelope: Envelope) -> bytes:
    """The key of a deposit with its recipients; mail to other recipients is never a repeat."""
    words = "\0".join([key, *(str(recipient.address) for recipient in envelope.recipients)])
    return hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=16).digest()
