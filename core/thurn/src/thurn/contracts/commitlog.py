"""The commit log: how durable changes of several owners become one write and one sync.

A *change* belongs to an *owner* (a store, the queue) and usually to a *resource* (an account's
index) with a transaction of its own. In each round the log takes the changes that have arrived,
begins each resource, lets each change allocate its numbers and add its record, appends the records,
syncs once, commits the resources, and then lets the callers go on. When `commit` has returned, the
change is durable: a crash at any later moment loses nothing, because the next start replays the
records to their owners.

Guarantees for owners:
- `Change.apply` and `Resource.*` are called on the worker's own thread, never concurrently.
- A group (one call of `commit`) is written in one frame: after a crash all of it is there or
  nothing.
- Nothing is written before every change of the group has been applied without an exception.
- After an unclean stop a record that was not settled is replayed at least once; owners make that
  idempotent by the numbers in it. If two records claim the same number, the later one is right: its
  writer saw the number free, so the earlier one was never acknowledged.

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
    """Where a blob is in the log. Once the log has retired it, `CommitLog.read` returns None."""

    slot: int
    generation: int
    offset: int
    length: int


class Resource(Protocol):
    """A transaction that a round begins once, however many changes need it. Hashed by identity."""

    def begin(self) -> bool:
        """Start; False if another process holds it, and then the group waits for the next round.

        Must not wait, because the worker has other accounts to serve.
        """

    def commit(self) -> None:
        """Make the rows visible; called after the records were synced.

        Raises:
            StorageFull: the disk has no room; everything is undone as by `rollback`. The log takes
                the records back and refuses their groups.
            StorageTrouble: with an `account`, the index of that account is damaged: the log does as
                with StorageFull, and the other resources go on.
            Exception: everything is undone; the log ends, and its worker is replaced.
        """

    def rollback(self) -> None:
        """Undo everything since `begin`."""


class Frame(Protocol):
    """Where the changes of a round put their blobs and records."""

    def blob(self, blob: Blob) -> BlobReference:
        """Put a blob into the frame. The same object is put into one frame only once, however often
        this is called; another frame has its own copy.

        Only for blobs in memory (up to `SPILL_OCTETS`); larger ones have a file of their own.
        """

    def record(self, owner: str, payload: bytes) -> None:
        """Add a record; `owner` is the name under which the owner has registered."""


class Change(Protocol):
    """One durable change."""

    @property
    def resource(self) -> Resource | None:
        """The resource that must be begun before `apply`; None: the change needs none."""

    def apply(self, frame: Frame) -> None:
        """Allocate numbers, change the resource's open transaction, add the record.

        May be called again if the round is repeated without a group that failed; everything of the
        first call has been rolled back then. An exception fails this change's group only.
        """

    def applied(self) -> None:
        """Called when everything is durable and visible, for instance to inform observers. Must not
        raise."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it comes back from the log.

    Attributes:
        payload: what `Frame.record` was given.
        written_at_ns: when the frame was made, in nanoseconds of the site's time of the log (near
            the wall clock, and never going backward); orders records of several workers.
    """

    payload: bytes
    written_at_ns: int


@dataclass(frozen=True, slots=True)
class Unapplied:
    """A record that its owner could not apply, because its account is damaged.

    Attributes:
        record: the very object that the owner was given.
        key: the id of that account.
        reason: what is wrong with it, for the operator.
        blobs: what the record refers to; the log keeps their octets beside it.
    """

    record: Record
    key: str
    reason: str
    blobs: Sequence[BlobReference] = ()


class Owner(Protocol):
    """What understands the records of one name.

    A damaged account must not stop a site: an owner that has accounts returns the records of
    damaged ones instead of raising, and is a `RestoringOwner`. The log puts them aside, durably,
    before it forgets the segment. From then on the owner refuses every change of the
    account (`CommitLog.is_aside`) until they were restored. See docs/adr/0018.
    """

    def replay(self, records: Sequence[Record]) -> Sequence[Unapplied]:
        """Apply to the indexes what they lack. Afterwards that is durable, or can be replayed
        again.

        Called before anything is served, with records of this owner in the order of their time.

        Returns:
            The records that could not be applied; if one of an account cannot, all of that account.

        Raises:
            StorageError: a failure of the whole site; nothing is served.
        """

    def settle(self, records: Sequence[Record]) -> Sequence[Unapplied]:
        """Bring the blobs of these records to their final place. The owner does not sync: the log
        syncs once for the whole segment afterwards.

        Called in a thread, perhaps of another process than the writer's and perhaps again for the
        same records, but never twice at the same time on a site.

        Returns:
            The records whose blobs could not be brought there, as with `replay`.

        Raises:
            StorageError: a failure of the whole site; the segment stays and is tried again.
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
            StorageError: they still cannot be applied; the records stay aside.
        """


@runtime_checkable
class RenewingOwner(Owner, Protocol):
    """An owner that can write its files anew after a sync has failed."""

    def renew(self, records: Sequence[Record]) -> None:
        """Write to new files, synced, whatever holds the rows that these records concern: what the
        kernel has of the old ones may not be on the disk. Called before `replay` with the same
        records, while no other process serves.

        Raises:
            StorageError: the disk refuses it again.
        """


class CommitLog(Protocol):
    """The commit log of a worker; `context.commit_log`."""

    @property
    def has_failed(self) -> bool:
        """Whether the log has ended for good. What it refuses from then on may be in it all the
        same and come back with a replay; what it refused before does not come back."""

    def register(self, name: str, owner: Owner) -> None:
        """Register what understands the records of this name; during `open` of a plugin only."""

    async def commit(self, changes: Sequence[Change]) -> None:
        """Do all of these changes or none; returns when they are durable and visible.

        Raises:
            Exception: whatever a change raised in `apply`; nothing of the group was done.
            StorageFull: the disk has no room for the records or their rows. Nothing was done,
                except that in a group with several resources the others may have done their part:
                `missing` names the changes that were not done, for want of room or because an index
                is damaged.
            StorageTrouble: nothing was done. With an `account`, only that account is damaged;
                without one the log has failed: count the changes as not done.

        Cancellation: shielded once the frame is being synced; before that, nothing was done.
        """

    def read(self, reference: BlobReference) -> bytes | None:
        """The octets of a blob in the log of any worker; None once they are retired."""

    def distrust(self, detail: str) -> None:
        """A sync of an owner's own has failed: nothing is retired from now on, and all processes
        that commit are replaced. From any thread."""

    def is_aside(self, owner: str, key: str) -> bool:
        """Whether records of this key stand aside, so that it must take no change. Asks the file
        system once, and is cheap enough for each round."""

    async def restore(self, owner: str, key: str) -> None:
        """Have the owner apply what stands aside for this key, and forget it.

        Raises:
            StorageError: the owner still cannot apply them, or the files cannot be read.

        Cancellation: the thread finishes first.
        """
