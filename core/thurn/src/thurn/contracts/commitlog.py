"""The commit log: how durable changes of several owners become one write and one sync.

A *change* belongs to an *owner* (a store, the queue) and usually to a *resource* (an account's
index) with a transaction of its own. The log takes what has arrived, begins each resource, lets
each change allocate its numbers and add its record, appends the records, syncs once, commits the
resources, and then lets the callers go on. What `commit` has returned for is durable: a crash at
any later instant loses nothing, because start-up replays the records to their owners.

Guarantees for owners:
- `Change.apply` and `Resource.*` are called on the worker's own thread, never concurrently.
- A group (one call of `commit`) is written as one frame: after a crash it is there whole or not.
- Nothing is written until every change of the group has applied without an exception.
- A record is replayed at least once after an unclean stop unless it was settled; owners make it
  idempotent by the numbers inside it. Where two records claim the same number, the later one is
  right: its writer saw the number free, so the earlier one was never acknowledged.

Duties of owners: while a round syncs in a thread, other tasks of the worker run, so a resource
does not show its open transaction to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from thurn.types.content import Blob


@dataclass(frozen=True, slots=True)
class BlobReference:
    """Where a blob lies in the log; worthless (read gives None) once the log has retired it."""

    slot: int
    generation: int
    offset: int
    length: int


class Resource(Protocol):
    """A transaction that a batch opens once, however many changes touch it. Hashed by identity."""

    def begin(self) -> bool:
        """Start; False when another process holds it (the group waits for the next round).

        Must not wait: the worker has other accounts to serve.
        """

    def commit(self) -> None:
        """Make the rows visible; called after the records are synced.

        Raises:
            StorageFull: no room; all is forgotten as by `rollback`. The log takes the records back
                and refuses their groups.
            Exception: all is forgotten; the log ends, and its worker is replaced.
        """

    def rollback(self) -> None:
        """Forget everything since `begin`."""


class Frame(Protocol):
    """What one group writes."""

    def blob(self, blob: Blob) -> BlobReference:
        """Put a blob into the frame, once within one frame however often it is asked for the same
        object; another frame has its own.

        Only for blobs in memory (up to `SPILL_OCTETS`); larger ones have a file of their own.
        """

    def record(self, owner: str, payload: bytes) -> None:
        """Add a record; `owner` is the name under which the owner has registered."""


class Change(Protocol):
    """One durable change."""

    @property
    def resource(self) -> Resource | None:
        """What must be begun before `apply`; None when nothing must."""

    def apply(self, frame: Frame) -> None:
        """Allocate numbers, change the resource's open transaction, add the record.

        May be called again when the round is repeated without a failing group; then everything
        of the first call was rolled back. An exception drops this change's group only.
        """

    def applied(self) -> None:
        """Called after everything is durable and visible; must not raise. Tell observers here."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record as replayed.

    Attributes:
        payload: what `Frame.record` was given.
        written_at_ns: wall clock when the frame was made; orders records of several logs.
    """

    payload: bytes
    written_at_ns: int


class Owner(Protocol):
    """Who understands the records of one name."""

    def replay(self, records: Sequence[Record]) -> None:
        """Apply to the indexes what they lack, in one go; durable or repeatable afterwards.

        Called before anything is served, for records of this owner in the order of their time.
        """

    def settle(self, records: Iterable[Record]) -> None:
        """Bring the blobs of these records to their final place. No sync: the log does one for
        the whole segment afterwards. Called in a thread, possibly of another process than the
        writer's, possibly again for the same records, but never twice at once for a site.
        """


class CommitLog(Protocol):
    """One per worker; `context.commit_log`."""

    @property
    def has_failed(self) -> bool:
        """It has ended for good. What it has refused may stand in it all the same and come back
        with a replay; before, what was refused does not."""

    def register(self, name: str, owner: Owner) -> None:
        """Say who understands the records of this name; during `open` of a plugin only."""

    async def commit(self, changes: Sequence[Change]) -> None:
        """All of these or none; returns when they are durable and visible.

        Raises:
            Exception: whatever a change raised in `apply`; nothing of the group happened.
            StorageFull: no room for the record or its rows; nothing happened, but that of a group
                with several resources those that had room may have done their part: then `missing`
                names the changes that were not done.
            StorageTrouble: the log failed; treat as not done.

        Cancellation: shielded once the round has begun; before it, nothing happened.
        """

    def read(self, reference: BlobReference) -> bytes | None:
        """The octets of a blob, from whichever worker's log; None once it was retired."""
