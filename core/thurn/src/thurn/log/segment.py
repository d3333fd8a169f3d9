"""Segments: their names, and how they go from free to open to sealed and back to free.

    free-G.seg  --prepare-->  G.seg  --seal-->  G.sealed  --retire-->  free-G.seg
                              (settled with damage: G.damaged, kept for the operator)

`G` is the generation in 16 hexadecimal digits: never used twice, growing within a slot even if the
clock steps back, and close to the wall clock in nanoseconds. A `.seg` is replayed after its writer
has died. `.sealed` means that every index row of the segment was committed, so it may be settled.
Neither `seal` nor `retire` needs a sync: if a power cut undoes the rename, work is repeated and no
record is lost. `prepare` syncs the directory before the first frame, so an acknowledged frame is
always in a file of the right name.

Rules of this file: all calls block; they are for threads, or for moments where nobody waits.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from thurn.log.files import DIRECTORY_MODE, Files, Lock, write_all
from thurn.log.frame import FIRST_FRAME, SALT_OCTETS, write_header

_ZEROS: Final = bytes(1 << 20)
FREE_SEGMENTS: Final = 8
"""Most free files kept per slot. So many exist only after a burst that needed them; a new file
would be written twice and slow the syncs of other workers."""
LARGEST_FREE_OCTETS: Final = 1 << 26
"""Largest file, in octets, that is kept free; one that a huge group has stretched is removed."""
SCARCE_SEGMENTS: Final = 32
"""Segments for which the disk must have room, or no file is kept free: mail needs the room more."""
SPARED_OCTETS: Final = 512 << 10
"""Octets left free when a segment is made: the indexes need them for commits in that segment."""
SLOTS: Final = 4096
"""Most slots: more than any machine has workers; it ends the search for a free one."""
_NAME: Final = re.compile(r"([0-9a-f]{16})\.(seg|sealed)")
_GENERATION: Final = re.compile(r"(?:free-)?([0-9a-f]{16})\.(?:seg|sealed|damaged)")


class Descriptor:
    """An open segment's file descriptor and salt; closed when nothing refers to it any more."""

    __slots__ = ("number", "salt")

    def __init__(self, number: int, salt: bytes) -> None:
        self.number = number
        self.salt = salt

    def __del__(self) -> None:
        os.close(self.number)


class Segment:
    """The segment that a worker writes."""

    __slots__ = ("descriptor", "generation", "path", "position", "sequence", "used_since")

    def __init__(self, path: Path, generation: int, descriptor: Descriptor) -> None:
        self.path = path
        self.generation = generation
        self.descriptor = descriptor
        self.position = FIRST_FRAME
        self.sequence = 0
        self.used_since: float | None = None
        """`Clock.monotonic` of the first frame."""

    def advance(self, octets: int, now: float) -> None:
        """Note that a frame was written and synced."""
        if self.used_since is None:
            self.used_since = now
        self.position += octets
        self.sequence += 1


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """A segment by its name."""

    path: Path
    slot: int
    generation: int


def slots(directory: Path) -> list[int]:
    """The numbers of the slots that exist."""
    if not directory.is_dir():
        return []
    return sorted(int(p.name) for p in directory.iterdir() if p.name.isdecimal() and p.is_dir())


def segments(directory: Path, slot: int, kind: str) -> list[SegmentFile]:
    """The slot's segments of this kind ("seg", "sealed"), oldest first."""
    of_kind = []
    for path in (directory / str(slot)).iterdir():
        match = _NAME.fullmatch(path.name)
        if match and match[2] == kind:
            of_kind.append(SegmentFile(path, slot, int(match[1], 16)))
    return sorted(of_kind, key=lambda one: one.generation)


def newest_generation(slot_path: Path) -> int:
    """The highest generation that a file of this slot has or has had; 0 without one."""
    matches = [_GENERATION.fullmatch(path.name) for path in slot_path.iterdir()]
    return max((int(match[1], 16) for match in matches if match), default=0)


@dataclass(frozen=True, slots=True)
class Backlog:
    """What the log still holds for its owners: sealed segments that are not settled.

    Attributes:
        oldest_seconds: how long the oldest has waited, by the wall clock; 0 without one.
    """

    segments: int
    octets: int
    oldest_seconds: float


def backlog(directory: Path, now: float) -> Backlog:
    """The backlog of all slots; a segment that is settled meanwhile does not count."""
    sizes: list[tuple[int, float]] = []
    for slot in slots(directory):
        for segment in segments(directory, slot, "sealed"):
            with contextlib.suppress(FileNotFoundError):
                status = segment.path.stat()
                sizes.append((status.st_size, status.st_mtime))
    oldest = max((now - changed for _, changed in sizes), default=0.0)
    return Backlog(len(sizes), sum(size for size, _ in sizes), max(0.0, oldest))


def is_held(directory: Path, slot: int) -> bool:
    """Whether a process holds the slot. Call it under the recovery lock only, since it takes the
    slot's lock for a moment."""
    lock = Lock.take(directory / str(slot) / "lock")
    if lock is None:
        return True
    lock.close()
    return False


def take_slot(directory: Path) -> tuple[int, Lock]:
    """Take the first slot that nobody holds and that has nothing to recover."""
    directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    with Lock.wait(directory / "recovery.lock"):
        for slot in range(SLOTS):
            path = directory / str(slot)
            path.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
            lock = Lock.take(path / "lock")
            if lock is None:
                continue
            if segments(directory, slot, "seg"):
                lock.close()  # left by a crash: `recover` replays only slots that nobody holds
                continue
            for rest in path.glob("*.new"):
                rest.unlink()
            return slot, lock
    raise OSError(f"no free slot in {directory}")


def prepare(files: Files, slot_path: Path, generation: int, size_octets: int) -> Segment:
    """Make an empty segment whose name and header are on the disk, from a free file if possible."""
    path = slot_path / f"{generation:016x}.seg"
    number = _recycle(files, slot_path, path)
    if number is None:
        number = _make(files, path, size_octets)
    descriptor = Descriptor(number, os.urandom(SALT_OCTETS))
    try:
        write_all(files, number, [write_header(descriptor.salt, generation)], 0)
        files.sync(number)
        files.sync_directory(slot_path)
    except OSError:
        with suppress(OSError):
            files.remove(path)
        raise
    return Segment(path, generation, descriptor)


def _recycle(files: Files, slot_path: Path, path: Path) -> int | None:
    for free in sorted(slot_path.glob("free-*.seg")):
        with suppress(FileNotFoundError):  # the settler has just removed it
            files.rename(free, path)
            return files.open(path)
    return None


def _make(files: Files, path: Path, size_octets: int) -> int:
    """Make a file full of zeros: a sync of space that was written before is cheaper, because the
    file system has nothing to journal."""
    if files.free_octets(path.parent) < size_octets + SPARED_OCTETS:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    new = path.with_suffix(".new")
    number = files.create(new)
    try:
        for offset in range(0, size_octets, len(_ZEROS)):
            write_all(files, number, [_ZEROS[: size_octets - offset]], offset)
            files.sync(number)  # in small steps, since syncs of frames wait behind this one
        files.rename(new, path)
    except OSError:
        os.close(number)
        with suppress(OSError):
            files.remove(new)
        raise
    return number


def seal(files: Files, path: Path) -> None:
    """Mark the segment as ready to be settled, because all its index rows are committed."""
    files.rename(path, path.with_suffix(".sealed"))


def retire(files: Files, path: Path) -> None:
    """Free the file of a segment that is not needed any more, or remove it."""
    enough = sum(1 for _ in path.parent.glob("free-*.seg")) >= FREE_SEGMENTS
    size_octets = path.stat().st_size
    if enough or size_octets > LARGEST_FREE_OCTETS or _is_scarce(files, path, size_octets):
        files.remove(path)
    else:
        files.rename(path, path.with_name(f"free-{path.stem}.seg"))


def _is_scarce(files: Files, path: Path, size_octets: int) -> bool:
    return files.free_octets(path.parent) < SCARCE_SEGMENTS * size_octets


def give_back(files: Files, directory: Path) -> None:
    """Remove the free files of all slots if the disk is short of room, also while workers take
    some of them."""
    for free in directory.glob("*/free-*.seg"):
        with suppress(FileNotFoundError):
            if not _is_scarce(files, free, free.stat().st_size):
                return
            files.remove(free)


def unretired(directory: Path) -> Iterator[SegmentFile]:
    """Every segment that may have records that are not settled."""
    for slot in slots(directory):
        yield from segments(directory, slot, "seg")
        yield from segments(directory, slot, "sealed")
