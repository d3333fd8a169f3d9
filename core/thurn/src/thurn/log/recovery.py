"""Replay at start: what was acknowledged and may be missing in the indexes.

What is replayed:
- the unsealed segments of slots that nobody holds (their worker has died), always;
- every segment that was not retired, at the first start in a boot (a power cut may have taken
  index rows that were committed but not synced) and when the caller says so.

Which boot has been recovered stands in the file `recovered`. Until it names this boot nothing is
settled and nothing is committed, because either could bury what replay has yet to bring back.

Records of all slots are merged by their time. Where two records claim the same number, the later
one is right: its writer held the resource and saw the number free, so the earlier transaction was
never committed and its caller never got an answer. Of a killed worker only the last frame can be
so, and whoever gave its numbers again did it later: from the first of these last frames on, owners
get everything at once, and so both records of a number.

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
from thurn.contracts.commitlog import Owner, Record
from thurn.log.files import DIRECTORY_MODE, Files, Lock
from thurn.log.frame import Scan, ScannedFrame, scan
from thurn.log.segment import SegmentFile, is_held, retire, seal, segments, slots, unretired
from thurn.log.settings import Report, silent
from thurn.types.errors import StorageTrouble

REPLAY_OCTETS: Final = 32 << 20
"""Payload given to owners at once; bounds memory when much has to be replayed. What was written
after the last frame of the first worker to die comes in one part: the traffic of some seconds, as
dead workers are replaced, and as a segment that is not used is sealed."""
_FRAME_OVERHEAD: Final = 256  # what a record costs in memory besides its payload
_UNKNOWN_BOOT: Final = "unknown"
_MARK: Final = "recovered"


@dataclass(frozen=True, slots=True)
class Recovered:
    """What `recover` did."""

    segments: int
    frames: int
    records: int


def recover(
    directory: Path,
    owners: Mapping[str, Owner],
    *,
    clock: Clock,
    everything: bool = False,
    files: Files | None = None,
    report: Report = silent,
) -> Recovered:
    """Every record that was acknowledged and not settled has been given to its owner.

    Args:
        directory: the log's directory, with all slots.
        owners: by the names of their records.
        clock: names the boot.
        everything: replay what was sealed too; for the start of the whole site.
        files: the file system, for tests.
        report: told of damage.

    Raises:
        StorageTrouble: a record's owner is not there; nothing was marked as replayed.
        OSError: the log could not be read.
    """
    files = files or Files()
    directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.enter_context(Lock.wait(directory / "recovery.lock"))
        everything = (
            everything
            or not is_recovered(directory, clock)
            or clock.boot_id == _UNKNOWN_BOOT  # then a power cut goes unseen
        )
        if everything:
            stack.enter_context(Lock.wait(directory / "settle.lock"))
        todo = [_segments(directory, slot, everything) for slot in slots(directory)]
        replay = _Replay(owners, report)
        replay.run(todo)
        for found in (found for slot in todo for found in slot if found.path.suffix == ".seg"):
            if found.path in replay.empty:
                retire(files, found.path)
            else:
                seal(files, found.path)
        if everything:
            mark_recovered(directory, clock, files)
    return Recovered(sum(map(len, todo)), replay.frames, replay.records)


def _segments(directory: Path, slot: int, everything: bool) -> list[SegmentFile]:
    found = [] if is_held(directory, slot) else segments(directory, slot, "seg")
    if everything:
        found += segments(directory, slot, "sealed")
    return sorted(found, key=attrgetter("generation"))


def is_recovered(directory: Path, clock: Clock) -> bool:
    """Whether `recover` has seen everything in this boot."""
    try:
        boot = (directory / _MARK).read_text()
    except FileNotFoundError:
        return False
    return boot == clock.boot_id


def mark_recovered(directory: Path, clock: Clock, files: Files) -> None:
    """Say so. Losing the mark costs a replay only."""
    new = directory / f"{_MARK}.new"
    new.write_text(clock.boot_id)
    files.rename(new, directory / _MARK)


def is_clean(directory: Path, clock: Clock, files: Files) -> bool:
    """Whether commits may begin: nothing waits for `recover`. Marks a directory without past."""
    with Lock.wait(directory / "recovery.lock"):
        found = list(unretired(directory))
        if any(f.path.suffix == ".seg" and not is_held(directory, f.slot) for f in found):
            return False
        if is_recovered(directory, clock):
            return True
        if any(f.path.suffix == ".sealed" for f in found):
            return False
        mark_recovered(directory, clock, files)
    return True


class _Replay:
    """Gives records to owners, in the order of time, in bounded parts."""

    def __init__(self, owners: Mapping[str, Owner], report: Report) -> None:
        self._owners = owners
        self._report = report
        self._parts: dict[str, list[Record]] = {}
        self._octets = 0
        self._unsure_ns = 1 << 64  # when the first of the last frames was written
        self.frames = 0
        self.records = 0
        self.empty: set[Path] = set()

    def run(self, todo: Iterable[list[SegmentFile]]) -> None:
        streams = [self._frames(slot) for slot in todo]
        for frame in heapq.merge(*streams, key=attrgetter("written_at_ns")):
            self.frames += 1
            for name, payload in frame.records():
                self._add(name, Record(payload, frame.written_at_ns))
            if self._octets > REPLAY_OCTETS and frame.written_at_ns < self._unsure_ns:
                self._flush()
        self._flush()

    def _frames(self, found: list[SegmentFile]) -> Iterator[ScannedFrame]:
        for one in found:
            frames = scan_segment(one, self._report).frames
            if not frames:
                self.empty.add(one.path)
            elif one.path.suffix == ".seg":
                self._unsure_ns = min(self._unsure_ns, frames[-1].written_at_ns)
            yield from frames

    def _add(self, name: str, record: Record) -> None:
        if name not in self._owners:
            raise missing_owner(name)
        self._parts.setdefault(name, []).append(record)
        self._octets += len(record.payload) + _FRAME_OVERHEAD
        self.records += 1

    def _flush(self) -> None:
        for name, records in self._parts.items():
            self._owners[name].replay(records)
        self._parts = {}
        self._octets = 0


def missing_owner(name: str) -> StorageTrouble:
    """The refusal: a record must not be dropped because a plugin was taken out too early."""
    return StorageTrouble(
        f"the commit log holds records of {name!r}, which the configuration does not name; "
        "put it back until the log is settled"
    )


def scan_segment(found: SegmentFile, report: Report) -> Scan:
    """What the segment holds; damage is reported."""
    result = scan(found.path.read_bytes(), found.generation)
    for damage in result.damages:
        report("log.damaged", path=str(found.path), detail=damage)
    return result
