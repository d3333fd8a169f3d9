"""A commit log in memory: the smallest one that keeps the order of `thurn.contracts.commitlog`.

For kits and tests of stores: every group is a round of its own (begin, apply, commit), nothing is
synced, and a test may ask for what the real log does at its own time: replay, settle, restore. What
an owner could not apply is put aside as the real log does it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import trio
from thurn.contracts.commitlog import (
    BlobReference,
    Change,
    Owner,
    Record,
    Resource,
    RestoringOwner,
    Unapplied,
)
from thurn.types.content import Blob

BUSY_ROUNDS = 1_000
"""Most rounds before a busy resource counts as stuck; a real log goes on with other groups."""


class PlainFrame:
    """The records and blobs that one group writes."""

    def __init__(self, log: PlainLog) -> None:
        self._log = log
        self.records: list[tuple[str, bytes]] = []
        self._blobs: dict[int, tuple[Blob, BlobReference]] = {}

    def blob(self, blob: Blob) -> BlobReference:
        """Keep the octets, once for the same object."""
        known = self._blobs.get(id(blob))
        if known is None:
            octets = blob.read()
            offset = next(self._log.offsets)
            reference = BlobReference(0, self._log.generation, offset, len(octets))
            self._log.blobs[reference] = octets
            self._blobs[id(blob)] = known = (blob, reference)
        return known[1]

    def record(self, owner: str, payload: bytes) -> None:
        """Add a record."""
        self.records.append((owner, payload))


class PlainLog:
    """See `thurn.contracts.commitlog.CommitLog`; several handles of it may share one object."""

    def __init__(self) -> None:
        self.owners: dict[str, Owner] = {}
        self.records: list[tuple[str, Record]] = []
        self.blobs: dict[BlobReference, bytes] = {}
        self.generation = 1
        self.has_failed = False
        self.distrusted: list[str] = []
        self.aside: dict[tuple[str, str], dict[Record, dict[BlobReference, bytes]]] = {}
        self.offsets = itertools.count()
        self._times = itertools.count(1)

    def register(self, name: str, owner: Owner) -> None:
        """Register the owner of the records of this name; that of a reopened store replaces it."""
        self.owners[name] = owner

    async def commit(self, changes: Sequence[Change]) -> None:
        """Commit one group in a round of its own."""
        await trio.lowlevel.checkpoint()
        resources = list(dict.fromkeys(c.resource for c in changes if c.resource is not None))
        for _round in range(BUSY_ROUNDS):
            begun = _begin(resources)
            if begun is not None:
                break
            await trio.sleep(0.001)
        else:
            raise AssertionError("a resource stayed busy")
        frame = PlainFrame(self)
        try:
            for change in changes:
                change.apply(frame)
        except BaseException:
            for resource in begun:
                resource.rollback()
            raise
        self.keep(frame)
        for resource in begun:
            resource.commit()
        for change in changes:
            change.applied()

    def keep(self, frame: PlainFrame) -> None:
        """The changes of a frame are durable: apply them."""
        now = next(self._times)
        self.records += [(owner, Record(payload, now)) for owner, payload in frame.records]

    def read(self, reference: BlobReference) -> bytes | None:
        """The octets of a blob while they are kept."""
        return self.blobs.get(reference)

    def distrust(self, detail: str) -> None:
        """Nothing is trusted any more: `detail` is kept for the test."""
        self.distrusted.append(detail)

    def is_aside(self, owner: str, key: str) -> bool:
        """Whether records of this key stand aside."""
        return (owner, key) in self.aside

    async def restore(self, owner: str, key: str) -> None:
        """Have the owner apply what stands aside."""
        kept = self.aside.get((owner, key), {})
        blobs = {place: octets for of_one in kept.values() for place, octets in of_one.items()}
        restoring = self.owners[owner]
        if not isinstance(restoring, RestoringOwner):
            raise TypeError(f"{owner} puts records aside and cannot restore them")
        records = sorted(kept, key=lambda record: record.written_at_ns)
        await trio.to_thread.run_sync(restoring.restore, key, records, blobs.get)
        del self.aside[owner, key]

    def replay(self) -> None:
        """Give every record again to its owner, as after an unclean stop."""
        for name, owner in self.owners.items():
            self._put_aside(name, owner.replay(self._records_of(name)))

    def retire(self) -> None:
        """Settle every record and forget records and blobs, as after a clean stop."""
        for name, owner in self.owners.items():
            self._put_aside(name, owner.settle(self._records_of(name)))
        self.records.clear()
        self.blobs.clear()
        self.generation += 1

    def _records_of(self, name: str) -> list[Record]:
        return [record for owned, record in self.records if owned == name]

    def _put_aside(self, name: str, unapplied: Sequence[Unapplied]) -> None:
        for one in unapplied:
            kept = self.aside.setdefault((name, one.key), {}).setdefault(one.record, {})
            kept.update((b, self.blobs[b]) for b in one.blobs if b in self.blobs)


def _begin(resources: Sequence[Resource]) -> list[Resource] | None:
    begun: list[Resource] = []
    for resource in resources:
        if not resource.begin():
            for other in begun:
                other.rollback()
            return None
        begun.append(resource)
    return begun
