"""An entry is tried: leases, and the results of attempts.

A lease names its holder (process, queue object, number), the boot, and the monotonic time of its
end; it is renewed as long as its object exists. So an entry is due again if its holder has died,
hangs, is from an earlier boot, or was dropped. A lease is not a durable change; the result of an
attempt is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from itertools import count
from typing import Final
from weakref import WeakValueDictionary

import msgspec
import trio
from thurn.plugin import (
    RETRY_LONGEST_SECONDS,
    Blob,
    BlobReference,
    CommitLog,
    Content,
    EntryOrigin,
    Envelope,
    QueueId,
    Recipient,
    RecipientResult,
    StorageError,
)

from thurn_queue_spool.database import engine_errors, one, transaction, when_free
from thurn_queue_spool.deposit import Parts
from thurn_queue_spool.edit import EntryChange
from thurn_queue_spool.record import Edit, Routed, Settled, pack_status, unpack_entry

LEASE_SECONDS: Final = 120.0
"""How long a lease holds without renewal, in seconds; the supervisor has replaced a worker that
hangs for so long."""
POLL_SECONDS: Final = 1.0
"""Seconds between two checks for due entries, since a notice may be lost."""
SETTLE_SECONDS: Final = 120.0
"""The longest shielded commit of results, in seconds. It is shielded so that a cancellation does
not make delivered mail be delivered again."""

_FREE: Final = "UPDATE entry SET holder = NULL WHERE holder IS NOT NULL AND "
_LATE: Final = "SELECT id FROM entry WHERE holder IS NULL AND retried IN (0, 1) AND due > ?"
_NEXT: Final = """
SELECT id FROM entry WHERE holder IS NULL AND retried = ? AND due <= ?
    AND destination NOT IN (SELECT value FROM json_each(?)) ORDER BY due, id LIMIT 1"""


class Leases:
    """The leases of one open queue."""

    def __init__(self, parts: Parts, log: CommitLog) -> None:
        self.parts = parts
        self.log = log
        self.side = parts.database.side
        self._name = f"{os.getpid()}.{os.urandom(6).hex()}"
        self._numbers = count(1)
        self._living: WeakValueDictionary[str, SpoolLease] = WeakValueDictionary()
        self._retried_first = False
        self._looked_at = 0.0

    def take(self, skip: Collection[str]) -> SpoolLease | None:
        """A lease on a due entry, or None; raises apsw.BusyError."""
        self._free_dead()
        if self._find(skip) is None:
            return None
        clock = self.parts.clock
        with transaction(self.side):
            id_ = self._find(skip)
            if id_ is None:
                return None
            holder = f"{self._name}.{next(self._numbers)}"
            self.side.execute(
                "UPDATE entry SET holder = ?, boot = ?, until = ? WHERE id = ?",
                (holder, clock.boot_id, clock.monotonic() + LEASE_SECONDS, id_),
            )
            lease = SpoolLease(self, id_, holder)
        self._living[holder] = lease
        # New entries and tried ones take turns, so that neither waits for all of the other.
        self._retried_first = not self._retried_first
        return lease

    def is_due(self, skip: Collection[str]) -> bool:
        """Whether `take` would find an entry."""
        with engine_errors():
            return self._find(skip) is not None

    def _find(self, skip: Collection[str]) -> str | None:
        words = msgspec.json.encode(list(skip)).decode()
        for retried in (self._retried_first, not self._retried_first):
            row = one(self.side, _NEXT, int(retried), self.parts.clock.wall(), words)
            if row is not None:
                return str(row[0])
        return None

    def _free_dead(self) -> None:
        """End the leases of dead holders; checks at most once in POLL_SECONDS."""
        clock = self.parts.clock
        now = clock.monotonic()
        if 0 <= now - self._looked_at < POLL_SECONDS:
            return
        rows = self.side.execute(
            "SELECT holder, boot, until FROM entry WHERE holder IS NOT NULL"
        ).fetchall()
        for holder, boot, until in rows:
            # An end beyond LEASE_SECONDS is from another boot, if boots have no names.
            in_time = now <= float(until or 0) <= now + LEASE_SECONDS
            if boot != clock.boot_id or not in_time or not _is_alive(str(holder)):
                self.side.execute(f"{_FREE}holder = ?", (holder,))
        self._bring_forward()
        self._looked_at = now

    def _bring_forward(self) -> None:
        """Make entries due whose time is beyond any retry: they were queued with a wrong clock."""
        latest = self.parts.clock.wall() + RETRY_LONGEST_SECONDS
        if one(self.side, f"{_LATE} LIMIT 1", latest) is None:
            return
        with transaction(self.side):
            sql = f"UPDATE recipient SET retry_at = 0 WHERE entry IN ({_LATE})"  # noqa: S608 - a constant
            self.side.execute(sql, (latest,))
            self.side.execute(f"UPDATE entry SET due = 0 WHERE id IN ({_LATE})", (latest,))  # noqa: S608 - a constant

    def pause_seconds(self) -> float:
        """Seconds until an entry may be due; at most POLL_SECONDS."""
        now = self.parts.clock.wall()
        sql = "SELECT min(due) FROM entry WHERE holder IS NULL AND retried = ? AND due > ?"
        with engine_errors():
            dues: list[float | None] = [one(self.side, sql, retried, now)[0] for retried in (0, 1)]
        return min([POLL_SECONDS, *(due - now for due in dues if due is not None)])

    def renew(self) -> None:
        """Renew the leases whose objects still exist; raises apsw.BusyError."""
        until = self.parts.clock.monotonic() + LEASE_SECONDS
        with transaction(self.side):
            self.side.executemany(
                "UPDATE entry SET until = ? WHERE holder = ?",
                [(until, holder) for holder in list(self._living)],
            )

    async def renew_always(self) -> None:
        """Renew until cancelled."""
        while True:
            await trio.sleep(LEASE_SECONDS / 8)
            with suppress(StorageError):  # the next renewal is still in time
                await when_free(self.renew)

    def free(self, holder: str) -> None:
        """End one lease; raises apsw.BusyError."""
        self.side.execute(f"{_FREE}holder = ?", (holder,))

    def free_all(self) -> None:
        """End all leases of this queue object; raises apsw.Error."""
        self.side.execute(f"{_FREE}holder GLOB ?", (f"{self._name}.*",))


def _is_alive(holder: str) -> bool:
    try:
        os.kill(int(holder.partition(".")[0]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # a process of another account; the time decides then
        return True
    return True


class SpoolLease:
    """A lease on the due recipients of an entry; made in the transaction that takes it.

    See `thurn.contracts.queue.Lease`.
    """

    def __init__(self, leases: Leases, id_: str, holder: str) -> None:
        side = leases.side
        packed, self._prefix, self._length, slot, generation, position, destination = one(
            side,
            "SELECT envelope, prefix, length, slot, generation, position, destination"
            " FROM entry WHERE id = ?",
            id_,
        )
        self._reference = None
        if slot is not None:
            self._reference = BlobReference(slot, generation, position, self._length)
        rows = side.execute(
            "SELECT number FROM recipient WHERE entry = ? AND retry_at <= ? ORDER BY number",
            (id_, leases.parts.clock.wall()),
        )
        whole, self._origin, self._pending_stage = unpack_entry(packed)
        self._numbers = [int(row[0] or 0) for row in rows]
        due = tuple(whole.recipients[number] for number in self._numbers)
        self._id = QueueId(id_)
        self._envelope = Envelope(whole.sender, due, whole.parameters)
        self._destination = str(destination)
        self._leases = leases
        self._holder = holder

    @property
    def id(self) -> QueueId:
        """The id of the entry."""
        return self._id

    @property
    def envelope(self) -> Envelope:
        """The sender and the recipients that are due."""
        return self._envelope

    @property
    def origin(self) -> EntryOrigin | None:
        """The origin of the entry; None for entries made before origins were stored."""
        return self._origin

    @property
    def pending_stage(self) -> str:
        """The stage that the entry has yet to pass; "" if there is none."""
        return self._pending_stage

    @property
    def destination(self) -> str:
        """The destination key stored at first routing; "" before it."""
        return self._destination

    async def content(self) -> Content:
        """The message; raises StorageError if it cannot be read."""
        await trio.lowlevel.checkpoint()
        octets = None
        if self._reference is not None:
            octets = self._leases.parts.bodies.read(self._reference)
        blob = Blob(octets) if octets is not None else await trio.to_thread.run_sync(self._find)
        return Content(blob, self._prefix)

    def _find(self) -> Blob:
        with engine_errors():
            return self._leases.parts.bodies.find(self._id, self._length)

    async def route(self, destination: str) -> None:
        """Store the destination key durably; the lease continues. Raises StorageError."""
        await self._commit(lambda sequence: Routed(sequence, self._id, destination))
        self._destination = destination

    async def finish(self, results: Sequence[RecipientResult], *, retry_at: float | None) -> None:
        """Record the results durably, and end the lease.

        Recipients with success or a permanent failure are removed. Others with a result wait until
        `retry_at`, which is bounded; with None they are due at once. Recipients without a result
        stay as they were.

        Raises:
            StorageError: nothing was recorded, and the lease is still held: finish it again, or
                release it, and all recipients are tried again.

        Cancellation: shielded as a commit point, for at most SETTLE_SECONDS.
        """
        numbered = self._number(results)
        failed = [result.status for _, result in numbered if not result.status.is_success]
        status = pack_status(failed[-1]) if failed else None
        finished = [n for n, r in numbered if r.status.is_success or r.status.is_permanent]
        waiting = [n for n, r in numbered if not (r.status.is_success or r.status.is_permanent)]

        due = 0.0 if retry_at is None else self._bounded(retry_at)

        def make(sequence: int) -> Edit:
            return Settled(sequence, self._id, finished, waiting, due, status)

        with trio.fail_after(SETTLE_SECONDS) as scope:
            scope.shield = True
            await self._commit(make, ends=self._holder)

    def _bounded(self, retry_at: float) -> float:
        """The time within the bounds of a retry; NaN becomes now."""
        now = self._leases.parts.clock.wall()
        return min(max(now, retry_at), now + RETRY_LONGEST_SECONDS)

    def _number(self, results: Sequence[RecipientResult]) -> list[tuple[int, RecipientResult]]:
        """Each result with its recipient's number; an entry may have the same address twice."""
        numbers: dict[Recipient, list[int]] = {}
        for number, recipient in zip(self._numbers, self._envelope.recipients, strict=True):
            numbers.setdefault(recipient, []).append(number)
        return [(numbers[r.recipient].pop(0), r) for r in results if numbers.get(r.recipient)]

    async def _commit(self, make: Callable[[int], Edit], *, ends: str = "") -> None:
        change = EntryChange(self._leases.parts, self._id, make, ends=ends)
        await self._leases.log.commit([change])

    async def release(self) -> None:
        """End the lease without results; nothing happens if it is no longer held.

        Cancellation: the lease then ends by its time.
        """
        await trio.lowlevel.checkpoint()
        await when_free(lambda: self._leases.free(self._holder))
        self._leases.parts.tell()
