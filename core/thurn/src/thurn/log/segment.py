"""Segments: their names, and their way from free to open to sealed to free.

    free-G.seg  --prepare-->  G.seg  --seal-->  G.sealed  --retire-->  free-G.seg
                              (settled with damage: G.damaged, kept for the operator)

`G` is the generation in 16 hexadecimal digits: never given twice, growing within a slot, and close
to the wall clock in nanoseconds. `.seg` is replayed after its writer has died. `.sealed` says that
every index row of the segment was committed, so it may be settled. Neither `seal` nor `retire`
needs a sync: a name that a power cut turned back costs a repetition, no record. `prepare` syncs
the directory before the first frame, so an acknowledged frame is always under the right name.

Rules of this file: blocking calls only, for threads or for moments where nobody waits.
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
"""Free files kept per slot. They are there only after a burst that needed them; making one anew
writes it twice and slows the syncs beside it."""
LARGEST_FREE_OCTETS: Final = 1 << 26
"""A file that one huge group has stretched beyond this is removed, not recycled."""
SCARCE_SEGMENTS: Final = 32
"""With room for fewer segments than this on the disk none is kept free: mail needs it more."""
SPARED_OCTETS: Final = 512 << 10
"""What making a segment leaves to the indexes, without which no commit could be made in it."""
SLOTS: Final = 4096
"""More workers than any machine has; ends the search for a slot."""
_NAME: Final = re.compile(r"([0-9a-f]{16})\.(seg|sealed)")


class Descriptor:
    """An open segment with its salt; closed when the last reader lets go of it."""

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
        """A frame was written and synced."""
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
    """The slots there are."""
    if not directory.is_dir():
        return []
    return sorted(int(p.name) for p in directory.iterdir() if p.name.isdecimal() and p.is_dir())


def segments(directory: Path, slot: int, kind: str) -> list[SegmentFile]:
    """The slot's segments of this kind ("seg", "sealed"), oldest first."""
    found = []
    for path in (directory / str(slot)).iterdir():
        match = _NAME.fullmatch(path.name)
        if match and match[2] == kind:
            found.append(SegmentFile(path, slot, int(match[1], 16)))
    return sorted(found, key=lambda one: one.generation)


@dataclass(frozen=True, slots=True)
class Backlog:
    """What the log still holds for its owners: sealed segments that are not settled.

    Attributes:
        oldest_seconds: how long the oldest has waited, by the wall clock; 0 without any.
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
    """Whether a process has the slot; ask under the recovery lock only, for asking takes it."""
    lock = Lock.take(directory / str(slot) / "lock")
    if lock is None:
        return True
    lock.close()
    return False


def take_slot(directory: Path) -> tuple[int, Lock]:
    """The first slot that nobody holds and that has nothing to recover."""
    directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    with Lock.wait(directory / "recovery.lock"):
        for slot in range(SLOTS):
            path = directory / str(slot)
            path.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
            lock = Lock.take(path / "lock")
            if lock is None:
                continue
            if segments(directory, slot, "seg"):
                lock.close()  # left by a crash: `recover` must see it without a holder
                continue
            for rest in path.glob("*.new"):
                rest.unlink()
            return slot, lock
    raise OSError(f"no free slot in {directory}")


def prepare(files: Files, slot_path: Path, generation: int, size_octets: int) -> Segment:
    """An empty segment whose name and header are on the disk, from a free file if there is one."""
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
        with suppress(FileNotFoundError):  # given back by the settler in this moment
            files.rename(free, path)
            return files.open(path)
    return None


def _make(files: Files, path: Path, size_octets: int) -> int:
    """A new file, written full of zeros: syncs of written space need no journal."""
    if files.free_octets(path.parent) < size_octets + SPARED_OCTETS:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    new = path.with_suffix(".new")
    number = files.create(new)
    try:
        for offset in range(0, size_octets, len(_ZEROS)):
            write_all(files, number, [_ZEROS[: size_octets - offset]], offset)
            files.sync(number)  # in small steps: callers' syncs queue behind this one
        files.rename(new, path)
    except OSError:
        os.close(number)
        with suppress(OSError):
            files.remove(new)
        raise
    return number


def seal(files: Files, path: Path) -> None:
    """All rows of this segment are committed; it may be settled."""
    files.rename(path, path.with_suffix(".sealed"))


def retire(files: Files, path: Path) -> None:
    """Nothing in this segment is needed any more."""
    enough = sum(1 for _ in path.parent.glob("free-*.seg")) >= FREE_SEGMENTS
    size_octets = path.stat().st_size
    if enough or size_octets > LARGEST_FREE_OCTETS or _is_scarce(files, path, size_octets):
        files.remove(path)
    else:
        files.rename(path, path.with_name(f"free-{path.stem}.seg"))


def _is_scarce(files: Files, path: Path, size_octets: int) -> bool:
    return files.free_octets(path.parent) < SCARCE_SEGMENTS * size_octets


def give_back(files: Files, directory: Path) -> None:
    """When room is scarce no slot keeps free files. A worker may take one at the same time."""
    for free in directory.glob("*/free-*.seg"):
        with suppress(FileNotFoundError):
            if not _is_scarce(files, free, free.stat().st_size):
                return
            files.remove(free)


def unretired(directory: Path) -> Iterator[SegmentFile]:
    """Every segment that has or may have records."""
    for slot in slots(directory):
        yield from segments(directory, slot, "seg")
        yield from segments(directory, slot, "sealed")
