"""The product: takes deposits, lists and removes entries, and owns its records in the log."""

from __future__ import annotations

import os
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, closing, suppress
from datetime import UTC, datetime
from typing import Any, Final

import apsw
import trio
from thurn.plugin import (
    ConfigError,
    Content,
    Context,
    EntryOrigin,
    Envelope,
    Notices,
    QueueEntry,
    QueueId,
    Record,
    StatusValue,
    StorageError,
    Unapplied,
)

from thurn_queue_spool.body import Bodies
from thurn_queue_spool.database import (
    FILE,
    OPEN_TIMEOUT_MS,
    Database,
    connect,
    engine_errors,
    transaction,
    when_free,
)
from thurn_queue_spool.deposit import Parts, QueueDeposit
from thurn_queue_spool.edit import EntryChange
from thurn_queue_spool.lease import Leases, SpoolLease
from thurn_queue_spool.perform import prune, replay
from thurn_queue_spool.record import Removed, pack_entry, unpack_entry, unpack_status

KEPT_SECONDS: Final = 7 * 86_400
"""How long keys are kept, in seconds: longer than senders try again (RFC 5321 §4.5.4.1: 4 to 5
days)."""
TEND_SECONDS: Final = 3_600
"""Seconds between two rounds of pruning and sweeping, and before the first: at the start the log is
not replayed yet, and a body whose entry the file lost in a power cut would be swept."""
REPLAY_TIMEOUT_MS: Final = 30_000
"""How long a replay waits for transactions of other workers, in milliseconds; those are short."""


class SpoolQueue:
    """A queue; see `thurn.contracts.queue.Queue` and `thurn.contracts.commitlog.Owner`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._drawn_at = 0
        self._path = context.data / FILE
        self._parts = Parts(
            context.name,
            Database(self._path),
            Bodies(context.data, context.commit_log.read),
            context.clock,
            self._draw,
            self._tell,
        )
        self._leases = Leases(self._parts, context.commit_log)

    def _draw(self) -> QueueId:
        # The first part is the time in microseconds and grows in this worker; the rest is random,
        # so that two workers never make the same id.
        self._drawn_at = max(self._drawn_at + 1, int(self._context.clock.wall() * 1e6))
        return QueueId(f"{self._drawn_at:014x}{os.urandom(6).hex()}")

    async def run(self) -> None:
        """Renew leases, prune and sweep until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._leases.renew_always)
            while True:
                await trio.sleep(TEND_SECONDS)
                await trio.to_thread.run_sync(self._tend)

    def _tend(self) -> None:
        try:
            self._parts.bodies.sweep()
            with engine_errors(), closing(connect(self._path)) as connection:
                prune(connection, self._context.clock.wall() - KEPT_SECONDS)
        except StorageError as error:  # the next round tries again
            self._context.diagnostics.warning("queue.tending_failed", detail=str(error))

    def close(self) -> None:
        """End all leases, and close the file."""
        database = self._parts.database
        database.rollback()
        database.side.set_busy_timeout(OPEN_TIMEOUT_MS)
        with suppress(apsw.Error):  # the leases then end by their time
            self._leases.free_all()
        database.close()

    @property
    def _notices(self) -> Notices | None:
        try:
            return self._context.state.notices
        except ConfigError:  # the site has no shared state
            return None

    def _tell(self) -> None:
        notices = self._notices
        if notices is not None:
            notices.publish(self._context.name)

    # In and out.

    def prepare(
        self,
        envelope: Envelope,
        content: Content,
        *,
        key: str,
        origin: EntryOrigin | None = None,
        pending_stage: str = "",
    ) -> QueueDeposit:
        """The deposit of an entry, to be committed with others."""
        packed = pack_entry(envelope, origin, pending_stage)
        return QueueDeposit(self._parts, envelope, packed, content, key)

    async def entries(
        self, *, limit: int = 1000, after: QueueId | None = None
    ) -> Sequence[QueueEntry]:
        """The entries of the queue, oldest first."""
        await trio.lowlevel.checkpoint()
        side = self._parts.database.side
        with engine_errors():
            side.execute("BEGIN")
            try:
                rows: list[Any] = side.execute(
                    "SELECT id, envelope, length(prefix) + length, queued_at, due, tries, status"
                    " FROM entry WHERE id > ? ORDER BY id LIMIT ?",
                    (after or "", limit),
                ).fetchall()
                return [self._entry(side, *row) for row in rows]
            finally:
                side.execute("COMMIT")

    def _entry(
        self,
        side: apsw.Connection,
        id_: str,
        packed: bytes,
        size_octets: int,
        *rest: Any,  # noqa: ANN401 - as the schema says
    ) -> QueueEntry:
        queued_at, due, tries, status = rest
        sql = "SELECT number FROM recipient WHERE entry = ? ORDER BY number"
        numbers: list[Any] = side.execute(sql, (id_,)).fetchall()
        whole, origin, pending_stage = unpack_entry(packed)
        waiting = tuple(whole.recipients[number] for (number,) in numbers)
        return QueueEntry(
            QueueId(id_),
            Envelope(whole.sender, waiting, whole.parameters),
            size_octets,
            queued_at,
            due or None,
            tries,
            unpack_status(status),
            origin,
            pending_stage,
        )

    async def remove(self, entry: QueueId) -> bool:
        """Remove an entry; False if it does not exist."""
        change = EntryChange(self._parts, entry, lambda sequence: Removed(sequence, entry))
        await self._context.commit_log.commit([change])
        return change.found

    async def status(self) -> Mapping[str, StatusValue]:
        """The number of entries, how many are leased, and the time of the oldest."""
        await trio.lowlevel.checkpoint()
        with engine_errors():
            sql = "SELECT count(*), count(holder), min(queued_at) FROM entry"
            count, leased, oldest = self._parts.database.side.execute(sql).get
        facts: dict[str, StatusValue] = {"entries": count, "under way": leased}
        if oldest is not None:
            facts["oldest came at"] = datetime.fromtimestamp(oldest, UTC).isoformat(" ", "minutes")
        return facts

    async def next_lease(self, *, skip: Collection[str] = ()) -> SpoolLease:
        """A lease on the next due entry that is not for these destinations; waits for one.

        Cancellation: no lease was taken.
        """
        await trio.lowlevel.checkpoint()
        while True:
            lease = await when_free(lambda: self._leases.take(skip))
            if lease is not None:
                return lease  # without a checkpoint after taking
            async with self._hints() as wait_hint:
                # Checked again, since an entry may have come in before the subscription.
                if not self._leases.is_due(skip):
                    with trio.move_on_after(self._leases.pause_seconds()):
                        await wait_hint()

    @asynccontextmanager
    async def _hints(self) -> AsyncIterator[Callable[[], Awaitable[object]]]:
        """A function that waits for a hint that an entry may be due; for ever without state."""
        notices = self._notices
        if notices is None:
            yield trio.sleep_forever
            return
        async with notices.subscribe(self._context.name) as hints:
            yield hints.receive

    # The owner of records.

    def replay(self, records: Sequence[Record]) -> Sequence[Unapplied]:
        """Apply what the file lacks; runs in a thread, beside other workers.

        It applies all of the records or none: the queue belongs to the site, and no account's
        trouble is its own.
        """
        with (
            engine_errors(),
            closing(connect(self._path, timeout_ms=REPLAY_TIMEOUT_MS)) as connection,
            transaction(connection),
        ):
            replay(connection, records)
        return ()

    def settle(self, records: Iterable[Record]) -> Sequence[Unapplied]:
        """Write bodies to their files."""
        self._parts.bodies.settle(records)
        return ()
