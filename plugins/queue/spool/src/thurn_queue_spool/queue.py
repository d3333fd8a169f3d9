"""The product: takes deposits, lists and removes; owner of its records in the commit log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing, suppress

import trio
from thurn.contracts.commitlog import Frame, Record
from thurn.contracts.queue import QueueEntry, QueueId
from thurn.contracts.state import Notices
from thurn.plugin import Context
from thurn.types.content import Content
from thurn.types.envelope import Envelope
from thurn.types.errors import ConfigError

from thurn_queue_spool.body import Bodies
from thurn_queue_spool.database import FILE, Database, connect, engine_errors, one, transaction
from thurn_queue_spool.deposit import Parts, QueueDeposit
from thurn_queue_spool.perform import remove, replay
from thurn_queue_spool.record import Removed, encode, unpack_envelope, unpack_status

REPLAY_TIMEOUT_MS = 30_000
"""For other workers' transactions; they last milliseconds."""


class SpoolQueue:
    """See `thurn.contracts.queue.Queue` and `thurn.contracts.commitlog.Owner`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._path = context.data / FILE
        self._parts = Parts(
            context.name, Database(self._path), Bodies(context.data, context.log.read),
            context.clock, self._tell,
        )  # fmt: skip

    def close(self) -> None:
        """Close the file."""
        self._parts.database.close()

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

    def prepare(self, envelope: Envelope, content: Content, *, key: str) -> QueueDeposit:
        """An entry to be committed with other deposits."""
        return QueueDeposit(self._parts, envelope, content, key)

    async def entries(
        self, *, limit: int = 1000, after: QueueId | None = None
    ) -> Sequence[QueueEntry]:
        """What stands in the queue, oldest first."""
        await trio.lowlevel.checkpoint()
        side = self._parts.database.side
        found = []
        with engine_errors():
            side.execute("BEGIN")
            try:
                for row in side.execute(
                    "SELECT id, envelope, length(prefix) + length, queued_at, due, tries, status"
                    " FROM entry WHERE id > ? ORDER BY id LIMIT ?",
                    (after or "", limit),
                ).fetchall():
                    id_, packed, size, queued_at, due, tries, status = row
                    numbers = side.execute(
                        "SELECT number FROM recipient WHERE entry = ? ORDER BY number", (id_,)
                    )
                    whole = unpack_envelope(packed)
                    left = tuple(whole.recipients[number] for (number,) in numbers)
                    envelope = Envelope(whole.sender, left, whole.parameters)
                    found.append(
                        QueueEntry(
                            QueueId(id_), envelope, size, queued_at, due or None, tries,
                            unpack_status(status),
                        )
                    )  # fmt: skip
            finally:
                side.execute("COMMIT")
        return found

    async def remove(self, entry: QueueId) -> bool:
        """Take an entry out; False when there was none."""
        removal = _Removal(self._parts, entry)
        await self._context.log.commit([removal])
        return removal.found

    # The owner of records.

    def replay(self, records: Sequence[Record]) -> None:
        """Do what the file lacks; in a thread, beside other workers."""
        with (
            engine_errors(),
            closing(connect(self._path, timeout_ms=REPLAY_TIMEOUT_MS)) as connection,
            transaction(connection),
        ):
            replay(connection, records)

    def settle(self, records: Iterable[Record]) -> None:
        """Bring bodies to their files."""
        self._parts.bodies.settle(records)


class _Removal:
    """The change that takes an entry out."""

    def __init__(self, parts: Parts, entry: QueueId) -> None:
        self._parts = parts
        self._entry = entry
        self.found = False

    @property
    def resource(self) -> Database:
        return self._parts.database

    def apply(self, frame: Frame) -> None:
        database = self._parts.database
        with engine_errors():
            row = one(database.writer, "SELECT 1 FROM entry WHERE id = ?", self._entry)
            self.found = row is not None
            if self.found:
                op = Removed(database.take_sequence(), self._entry)
                remove(database.writer, self._entry)
                frame.record(self._parts.owner, encode(op))

    def applied(self) -> None:
        if self.found:
            with suppress(OSError):  # `sweep` tries again
                self._parts.bodies.remove(self._entry)
