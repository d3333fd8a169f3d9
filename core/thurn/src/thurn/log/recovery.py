"""Replay at start: gives owners the records that were acknowledged and may be missing in their
indexes.

What is replayed:
- always: the unsealed segments of slots that nobody holds, because their worker has died;
- at the first start in a boot, and when the caller asks for it: every segment that was not retired,
  because a power cut may have lost index rows that were committed but not synced.

The file `recovered` names the boot in which that was done last. Until it names this boot, nothing
is settled and nothing is committed, because either could destroy what the replay has yet to
restore.

Records of all slots are merged by their time. Where two records claim the same number, the later
one is right: its writer held the resource and saw the number free, so the earlier transaction was
never committed and its caller never got an answer. In the log of a killed worker only the last
frame can be such an earlier one, and the other record of the number was written after it. So from
the first of these last frames on, owners get everything in one call, and with it both records.

What an owner could not apply, because an account is damaged, is put aside at once: the account
may be mended long before the segment is settled, and must not go on without these records.

Rules of this file: blocking; called before anything is served.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Final

from thurn.contracts.clock import Clock
from thurn.contracts.commitlog import Owner, Record, RenewingOwner, Unapplied
from thurn.log.aside import Aside
from thurn.log.files import DIRECTORY_MODE, Files, Lock
from thurn.log.frame import Scan, ScannedFrame, scan
from thurn.log.reader import Reader
from thurn.log.segment import SegmentFile, is_held, retire, seal, segments, slots, unretired
from thurn.log.settings import Report, silent
from thurn.log.sitetime import UNKNOWN_BOOT
from thurn.log.trust import is_distrusted, take_serving, trust
from thurn.types.errors import StorageFull, StorageTrouble

REPLAY_OCTETS: Final = 32 << 20
"""Octets of records that owners get in one call, so that a long replay needs bounded memory. What
was written after the last frame of the first worker to die comes in one call whatever its size:
that is the traffic of some seconds, because dead workers are replaced and an old segment is
sealed."""
_RECORD_OVERHEAD_OCTETS: Final = 256
"""Octets that a record needs in memory besides its payload, roughly."""
_MARK: Final = "recovered"


@dataclass(frozen=True, slots=True)
class Recovered:
    """How much `recover` replayed; `aside` are the records among them that were put aside."""

    segments: int
    frames: int
    records: int
    aside: int = 0


def recover(
    directory: Path,
    owners: Mapping[str, Owner],
    *,
    clock: Clock,
    everything: bool = False,
    files: Files | None = None,
    report: Report = silent,
) -> Recovered:
    """Give every record that was acknowledged and not settled to its owner.

    Args:
        directory: the log's directory, with all slots.
        owners: the owners by the names in their records.
        clock: gives the boot's id.
        everything: replay sealed segments too; for the start of the whole site.
        files: the file system; tests replace it.
        report: called for each damage.

    Raises:
        StorageTrouble: a record's owner is missing, or a sync has failed and other processes have
            not ended yet; nothing was marked as replayed.
        OSError: the log could not be read.
    """
    files = files or Files()
    directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.enter_context(Lock.wait(directory / "recovery.lock"))
        everything = (
            everything or not is_recovered(directory, clock) or clock.boot_id == UNKNOWN_BOOT
        )
        renews = is_distrusted(directory)
        if renews:
            everything = True
            stack.enter_context(_serving_alone(directory))
        if everything:
            stack.enter_context(Lock.wait(directory / "settle.lock"))
        todo = [_segments(directory, slot, everything) for slot in slots(directory)]
        replay = _Replay(owners, report, renews=renews)
        replay.run(todo)
        if replay.unapplied:
            if not everything:
                stack.enter_context(Lock.wait(directory / "settle.lock"))
            _put_aside(Aside(directory, files), replay, Reader(directory), report)
        for path in [one.path for slot in todo for one in slot if one.path.suffix == ".seg"]:
            if path in replay.empty:
                retire(files, path)
            else:
                seal(files, path)
        if everything:
            mark_recovered(directory, clock, files)
        if renews:
            trust(directory)
    unapplied = sum(map(len, replay.unapplied.values()))
    return Recovered(sum(map(len, todo)), replay.frames, replay.records, unapplied)


def _serving_alone(directory: Path) -> Lock:
    """The serving lock for this process alone, so that files may be replaced.

    Raises:
        StorageTrouble: another process may still have these files open.
    """
    lock = take_serving(directory)
    if lock is None:
        raise StorageTrouble("a sync has failed, and other processes have not ended yet")
    return lock


def _put_aside(aside: Aside, replay: _Replay, reader: Reader, report: Report) -> None:
    for (name, segment), unapplied in replay.unapplied.items():
        report_aside(report, name, unapplied)
        try:
            aside.put(name, segment, unapplied, reader.read)
        except StorageFull as error:  # the segment keeps them
            report("log.aside_full", path=str(segment.path), detail=str(error))


def report_aside(report: Report, name: str, unapplied: Iterable[Unapplied]) -> None:
    """Tell the operator whose records are put aside, and why."""
    for key, reason in {one.key: one.reason for one in unapplied}.items():
        report("log.put_aside", owner=name, key=key, detail=reason)


def _segments(directory: Path, slot: int, everything: bool) -> list[SegmentFile]:
    chosen = [] if is_held(directory, slot) else segments(directory, slot, "seg")
    if everything:
        chosen += segments(directory, slot, "sealed")
    return sorted(chosen, key=attrgetter("generation"))


def is_recovered(directory: Path, clock: Clock) -> bool:
    """Whether everything was replayed in this boot."""
    try:
        boot = (directory / _MARK).read_text()
    except FileNotFoundError:
        return False
    return boot == clock.boot_id


def mark_recovered(directory: Path, clock: Clock, files: Files) -> None:
    """Note that everything was replayed in this boot. If the mark is lost, the replay is
    repeated."""
    new = directory / f"{_MARK}.new"
    new.write_text(clock.boot_id)
    files.rename(new, directory / _MARK)


def is_clean(directory: Path, clock: Clock, files: Files) -> bool:
    """Whether commits may begin, since nothing waits for `recover`. A directory with nothing to
    replay is marked as recovered."""
    with Lock.wait(directory / "recovery.lock"):
        left = list(unretired(directory))
        if any(one.path.suffix == ".seg" and not is_held(directory, one.slot) for one in left):
            return False
        if is_recovered(directory, clock):
            return True
        if any(one.path.suffix == ".sealed" for one in left):
            return False
        mark_recovered(directory, clock, files)
    return True


class _Replay:
    """Gives records to their owners, in the order of time, in parts of bounded size."""

    def __init__(self, owners: Mapping[str, Owner], report: Report, *, renews: bool) -> None:
        self._owners = owners
        self._renews = renews
        self._report = report
        self._parts: dict[str, list[Record]] = {}
        self._segments: dict[int, SegmentFile] = {}  # by the identity of the records in `_parts`
        self._octets = 0
        self._unsure_ns = 1 << 64  # when the first of the last frames was written
        self.frames = 0
        self.records = 0
        self.empty: set[Path] = set()
        self.unapplied: dict[tuple[str, SegmentFile], list[Unapplied]] = {}

    def run(self, todo: Iterable[list[SegmentFile]]) -> None:
        streams = [self._frames(slot) for slot in todo]
        for frame, segment in heapq.merge(*streams, key=lambda one: one[0].written_at_ns):
            self.frames += 1
            for name, payload in frame.records():
                self._add(name, Record(payload, frame.written_at_ns), segment)
            if self._octets > REPLAY_OCTETS and frame.written_at_ns < self._unsure_ns:
                self._flush()
        self._flush()

    def _frames(
        self, segment_files: list[SegmentFile]
    ) -> Iterator[tuple[ScannedFrame, SegmentFile]]:
        for one in segment_files:
            frames = scan_segment(one, self._report).frames
            if not frames:
                self.empty.add(one.path)
            elif one.path.suffix == ".seg":
                self._unsure_ns = min(self._unsure_ns, frames[-1].written_at_ns)
            for frame in frames:
                yield frame, one

    def _add(self, name: str, record: Record, segment: SegmentFile) -> None:
        if name not in self._owners:
            raise missing_owner(name)
        self._parts.setdefault(name, []).append(record)
        self._segments[id(record)] = segment
        self._octets += len(record.payload) + _RECORD_OVERHEAD_OCTETS
        self.records += 1

    def _flush(self) -> None:
        for name, records in self._parts.items():
            owner = self._owners[name]
            if self._renews and isinstance(owner, RenewingOwner):
                owner.renew(records)
            # An owner without accounts may return nothing at all.
            for one in owner.replay(records) or ():
                place = (name, self._segments[id(one.record)])
                self.unapplied.setdefault(place, []).append(one)
        self._parts = {}
        self._segments = {}
        self._octets = 0


def missing_owner(name: str) -> StorageTrouble:
    """The error for a record whose plugin was removed too early: the record must not be dropped."""
    return StorageTrouble(
        f"the commit log holds records of {name!r}, which the configuration does not name; "
        "put it back until the log is settled"
    )


def scan_segment(segment: SegmentFile, report: Report) -> Scan:
    """What the segment holds; each damage is reported."""
    result = scan(segment.path.read_bytes(), segment.generation)
    for damage in result.damages:
        report("log.damaged", path=str(segment.path), detail=damage)
    return result
