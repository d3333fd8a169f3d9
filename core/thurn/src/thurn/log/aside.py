"""Keeps records that their owners could not apply, with their blobs, until they can be applied.

    <data>/aside/<owner>/<key>/
      <slot>-<generation>.aside     the records of one segment
      incomplete                    a segment of the log has more of them

A damaged account must not keep the site from starting, and must not keep segments in the log that
other accounts share. So its records are written here and synced before their segment is retired.
While the directory of a key exists, the owner refuses every change of that key; `restore` gives the
records back in the order of time and then removes the directory.

A file is written whole under another name, synced, and renamed. It holds every record of its
segment and key that was ever put aside, so writing it again after a crash changes nothing. Records
beyond the bounds stay in the log, and `restore` takes them from there.

    file = crc32 (4 octets, little-endian) msgpack([format, key, [record, …]])

Rules of this file: blocking, for threads; callers hold `settle.lock` while they write or restore.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Final
from urllib.parse import unquote
from zlib import crc32

import msgspec
from msgspec import Struct

from thurn.contracts.commitlog import (
    BlobReference,
    Owner,
    ReadBlob,
    Record,
    RestoringOwner,
    Unapplied,
)
from thurn.log.files import DIRECTORY_MODE, Files, write_all
from thurn.log.segment import SegmentFile
from thurn.types.errors import PluginError, StorageFull, StorageTrouble

ASIDE: Final = "aside"
"""Name of the directory of all records that were put aside; it is beside the log's directory."""
KEY_OCTETS: Final = 256 << 20
"""Most octets that are put aside for one key: enough for the mail of some days, and too little for
one account to fill the disk of a site."""
FREE_PART: Final = 4
"""Divisor of the free octets on the disk: a file may take at most this fraction of them, because
other accounts need room, too."""
NAME_CHARACTERS: Final = 120
"""Most characters of a file name that spells out a key; file systems end at 255 octets."""
_UNSAFE: Final = re.compile(rb"[^a-z0-9_@.-]|^\.")
"""Octets that a file name spells as % and two hexadecimal digits: separators, a dot at the
beginning, and upper case, so that two keys have two names even if the file system folds case."""
_FORMAT: Final = 1
_CRC_OCTETS: Final = 4
_INCOMPLETE: Final = "incomplete"
_SUFFIX: Final = ".aside"


class _Blob(Struct, array_like=True, frozen=True):
    place: tuple[int, int, int, int]
    octets: bytes


class _Record(Struct, array_like=True, frozen=True):
    written_at_ns: int
    payload: bytes
    blobs: list[_Blob]


class _File(Struct, array_like=True):
    format: int
    key: str
    records: list[_Record]


@lru_cache(4096)
def directory_name(key: str) -> str:
    """The name of a key's directory: no key can leave the directory above it."""
    octets = key.encode("utf-8", "surrogatepass")
    name = _UNSAFE.sub(lambda match: b"%%%02x" % match[0][0], octets).decode()
    if name and len(name) <= NAME_CHARACTERS:
        return name
    digest = hashlib.sha256(octets).hexdigest()
    return f"{name[: NAME_CHARACTERS // 2]}%%{digest}"


class Aside:
    """The records that stand aside, of all owners.

    Args:
        log: the log's directory; the records are kept beside it, in a directory that is made when
            it is needed.
        files: the file system; tests replace it.
    """

    def __init__(self, log: Path, files: Files) -> None:
        self.directory = directory = log.with_name(ASIDE)
        self._files = files
        self._prefix = f"{directory}/"

    def has(self, owner: str, key: str) -> bool:
        """Whether records of this key stand aside."""
        return os.access(f"{self._prefix}{directory_name(owner)}/{directory_name(key)}", os.F_OK)

    def keys(self, owner: str) -> list[str]:
        """The keys that have records aside. A long key is listed only if a file of it can be read,
        because its directory's name is a digest."""
        try:
            places = sorted((self.directory / directory_name(owner)).iterdir())
        except FileNotFoundError:
            return []
        return [key for place in places if (key := _key_of(place)) is not None]

    def is_incomplete(self, owner: str, key: str) -> bool:
        """Whether segments of the log have records of this key that are not here."""
        return (self._place(owner, key) / _INCOMPLETE).exists()

    def _place(self, owner: str, key: str) -> Path:
        return self.directory / directory_name(owner) / directory_name(key)

    def put(
        self, owner: str, segment: SegmentFile, unapplied: Sequence[Unapplied], read: ReadBlob
    ) -> None:
        """Keep these records of a segment, of any keys, durably.

        Raises:
            StorageFull: some of them are over a bound; their keys are marked as incomplete.
            OSError: the records could not be written; nothing may be retired.
        """
        by_key: dict[str, list[Unapplied]] = {}
        for one in unapplied:
            by_key.setdefault(one.key, []).append(one)
        over = [key for key, part in by_key.items() if not self._put(owner, segment, part, read)]
        if over:
            raise StorageFull(f"no room to put records of {', '.join(sorted(over))} aside")

    def _put(
        self, owner: str, segment: SegmentFile, unapplied: list[Unapplied], read: ReadBlob
    ) -> bool:
        key = unapplied[0].key
        place = self._place(owner, key)
        self._make(place)
        path = place / f"{segment.slot}-{segment.generation:016x}{_SUFFIX}"
        records: dict[tuple[int, bytes], _Record] = {}
        for one in [*(_read(path).records if path.exists() else ()), *_filled(unapplied, read)]:
            known = records.setdefault((one.written_at_ns, one.payload), one)
            if len(one.blobs) > len(known.blobs):
                records[one.written_at_ns, one.payload] = one
        octets = msgspec.msgpack.encode(_File(_FORMAT, key, list(records.values())))
        if not self._fits(place, path, len(octets)):
            self._mark_incomplete(place)
            return False
        self._write(path, crc32(octets).to_bytes(_CRC_OCTETS, "little") + octets)
        return True

    def _fits(self, place: Path, path: Path, size_octets: int) -> bool:
        others = sum(one.stat().st_size for one in place.glob(f"*{_SUFFIX}") if one != path)
        free_octets = self._files.free_octets(place)
        return others + size_octets <= KEY_OCTETS and size_octets * FREE_PART <= free_octets

    def _make(self, place: Path) -> None:
        if place.is_dir():
            return
        place.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        for one in (place.parent, self.directory, self.directory.parent):
            self._files.sync_directory(one)

    def _mark_incomplete(self, place: Path) -> None:
        (place / _INCOMPLETE).touch(mode=0o600)
        self._files.sync_directory(place)

    def _write(self, path: Path, octets: bytes) -> None:
        new = path.with_suffix(".new")
        with suppress(FileNotFoundError):
            new.unlink()
        number = self._files.create(new)
        with open(number, "wb", buffering=0):  # noqa: PTH123 - a descriptor, to be closed
            write_all(self._files, number, [octets], 0)
            self._files.sync(number)
        self._files.rename(new, path)
        self._files.sync_directory(path.parent)

    def restore(self, name: str, owner: Owner, key: str, in_log: Iterable[Record]) -> None:
        """Give the records of a key back to their owner, and forget them.

        Args:
            name: the owner's name.
            owner: the object that applies the records.
            key: the key whose records are restored.
            in_log: the records of this owner that the log still has, if the key is incomplete.

        Raises:
            StorageError: the owner cannot apply them, or a file cannot be read; they stay.
            OSError: the same.
        """
        if not isinstance(owner, RestoringOwner):
            raise PluginError(f"the owner {name!r} cannot restore what it has put aside")
        place = self._place(name, key)
        paths = sorted(place.glob(f"*{_SUFFIX}"))
        kept = _Kept(paths)
        records = [*kept.records(), *in_log]
        owner.restore(key, sorted(records, key=attrgetter("written_at_ns")), kept.read)
        for path in [*paths, *place.glob("*.new"), place / _INCOMPLETE]:
            path.unlink(missing_ok=True)
        place.rmdir()
        self._files.sync_directory(place.parent)


class _Kept:
    """The files of one key; the blobs of one file at a time are in memory."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._places: dict[BlobReference, Path] = {}
        self._loaded: tuple[Path, dict[BlobReference, bytes]] | None = None

    def records(self) -> Iterator[Record]:
        """The records of all files."""
        for path in self._paths:
            for one in _read(path).records:
                for blob in one.blobs:
                    self._places[BlobReference(*blob.place)] = path
                yield Record(one.payload, one.written_at_ns)

    def read(self, reference: BlobReference) -> bytes | None:
        """The octets of a blob; None when it was not put aside."""
        path = self._places.get(reference)
        if path is None:
            return None
        if self._loaded is None or self._loaded[0] != path:
            blobs = [blob for one in _read(path).records for blob in one.blobs]
            self._loaded = (path, {BlobReference(*blob.place): blob.octets for blob in blobs})
        return self._loaded[1].get(reference)


def _filled(unapplied: Iterable[Unapplied], read: ReadBlob) -> Iterator[_Record]:
    """The records with the octets of their blobs, as far as the log has them."""
    for one in unapplied:
        blobs = [
            _Blob((blob.slot, blob.generation, blob.offset, blob.length), octets)
            for blob in one.blobs
            if (octets := read(blob)) is not None
        ]
        yield _Record(one.record.written_at_ns, one.record.payload, blobs)


def _read(path: Path) -> _File:
    """A file's content. Raises StorageTrouble when it is damaged."""
    octets = path.read_bytes()
    content = octets[_CRC_OCTETS:]
    if octets[:_CRC_OCTETS] != crc32(content).to_bytes(_CRC_OCTETS, "little"):
        raise StorageTrouble(f"{path} is damaged")
    file = msgspec.msgpack.decode(content, type=_File)
    if file.format != _FORMAT:
        raise StorageTrouble(f"{path} has format {file.format}; this version reads {_FORMAT}")
    return file


def _key_of(place: Path) -> str | None:
    if "%%" not in place.name:
        return unquote(place.name, "utf-8", "surrogatepass")
    for path in place.glob(f"*{_SUFFIX}"):
        with suppress(StorageTrouble, OSError):
            return _read(path).key
    return None
