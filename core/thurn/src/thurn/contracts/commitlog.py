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

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

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
            StorageTrouble: with an `account`, its index is damaged: as with StorageFull, and the
                other resources go on.
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
        written_at_ns: when the frame was made, in nanoseconds of the site's time of the log (near
            the wall clock, and never going backward); orders records of several workers.
    """

    payload: bytes
    written_at_ns: int


@dataclass(frozen=True, slots=True)
class Unapplied:
    """A record that its owner could not apply, because whatever it belongs to is in trouble.

    Attributes:
        record: the very object that the owner was given.
        key: whose trouble it is: an account's id.
        reason: what the trouble is, for the operator.
        blobs: what the record refers to; the log keeps their octets beside it.
    """

    record: Record
    key: str
    reason: str
    blobs: Sequence[BlobReference] = ()


class Owner(Protocol):
    """Who understands the records of one name.

    The trouble of one account must not stop a site: an owner that has accounts returns the records
    of those in trouble instead of raising, and is a `RestoringOwner`. The log puts them aside,
    durably, before it forgets the segment. From then on the owner refuses every change of the
    account (`CommitLog.is_aside`) until they were restored. Source: docs/adr/0018.
    """

    def replay(self, records: Sequence[Record]) -> Sequence[Unapplied]:
        """Apply to the indexes what they lack, in one go; durable or repeatable afterwards.

        Called before anything is served, for records of this owner in the order of their time.

        Returns:
            The records that could not be applied, and with one of an account all of that account.

        Raises:
            StorageError: trouble of the whole site; nothing is served.
        """

    def settle(self, records: Sequence[Record]) -> Sequence[Unapplied]:
        """Bring the blobs of these records to their final place. No sync: the log does one for
        the whole segment afterwards. Called in a thread, possibly of another process than the
        writer's, possibly again for the same records, but never twice at once for a site.

        Returns:
            The records whose blobs could not be brought there, as with `replay`.

        Raises:
            StorageError: trouble of the whole site; the segment stays and is tried again.
        """


ReadBlob = Callable[[BlobReference], "bytes | None"]
"""Gives the octets of a blob; None if nobody has them any more."""


@runtime_checkable
class RestoringOwner(Owner, Protocol):
    """An owner whose records may be put aside."""

    def restore(self, key: str, records: Sequence[Record], read: ReadBlob) -> None:
        """Apply records that were put aside; rows and blobs are on the disk when it returns.

        Called in a thread, while other accounts are served, never twice at once for a site. It may
        be called again with records that were applied already, and with records of other keys,
        which it passes over.

        Args:
            key: whose records they are.
            records: in the order of their time.
            read: gives the blobs that were put aside with them.

        Raises:
            StorageError: the trouble goes on; the records stay aside.
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
            StorageFull: no room for the record or its rows; nothing happened, except that of a
                group with several resources the others may have done their part: then `missing`
                names the changes that were not done, for want of room or because an index is
                damaged.
            StorageTrouble: nothing happened; with an `account`, that account alone is in trouble.
                Without one the log has failed: treat as not done.

        Cancellation: shielded once the round has begun; before it, nothing happened.
        """

    def read(self, reference: BlobReference) -> bytes | None:
        """The octets of a blob, from whichever worker's log; None once it was retired."""

    def is_aside(self, owner: str, key: str) -> bool:
        """Whether records of this key stand aside, so that it must take no change. Asks the file
        system once, and is cheap enough for each round."""

    async def restore(self, owner: str, key: str) -> None:
        """Have the owner apply what stands aside for this key, and forget it.

        Raises:
            StorageError: the owner's trouble goes on, or the files cannot be read.

        Cancellation: the thread finishes first.
        """
