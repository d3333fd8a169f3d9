"""A small store on top of the log, and a disk that loses every octet that was not synced."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest
import trio
from thurn.contracts.commitlog import BlobReference, Frame, Record, Unapplied
from thurn.log import Files, LogSettings, open_log
from thurn.log.frame import ScannedFrame, scan
from thurn.log.segment import segments
from thurn.types.content import Blob
from thurn.types.errors import StorageTrouble

SMALL = LogSettings(segment_octets=16384)


class Clock:
    """The system's, with a boot that a test can change."""

    boot_id = "boot-1"

    @staticmethod
    def monotonic() -> float:
        return time.monotonic()

    @staticmethod
    def wall() -> float:
        return time.time()


class Account:
    """A resource: numbered rows, visible once committed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: list[tuple[str, BlobReference | None]] = []
        self.pending: list[tuple[str, BlobReference | None]] | None = None
        self.durable = 0
        self.busy = 0
        self.begun = 0
        self.fail_commit: Exception | None = None

    def begin(self) -> bool:
        assert self.pending is None
        if self.busy:
            self.busy -= 1
            return False
        self.begun += 1
        self.pending = []
        return True

    def commit(self) -> None:
        assert self.pending is not None
        if self.fail_commit:
            self.pending = None
            raise self.fail_commit
        self.rows += self.pending
        self.pending = None

    def rollback(self) -> None:
        assert self.pending is not None
        self.pending = None

    def add(self, value: str, reference: BlobReference | None) -> int:
        assert self.pending is not None
        self.pending.append((value, reference))
        return len(self.rows) + len(self.pending)


class Add:
    """A change: one row, with a blob perhaps."""

    def __init__(self, account: Account, value: str, blob: Blob | None = None, error=None) -> None:
        self.resource = account
        self.value = value
        self.blob = blob
        self.error = error
        self.number = 0
        self.told = 0

    def apply(self, frame: Frame) -> None:
        if self.error is not None:
            raise self.error
        reference = frame.blob(self.blob) if self.blob else None
        self.number = self.resource.add(self.value, reference)
        frame.record("store", encode(self.resource.name, self.number, self.value, reference))

    def applied(self) -> None:
        self.told += 1


def encode(account: str, number: int, value: str, reference: BlobReference | None) -> bytes:
    place = None
    if reference is not None:
        place = [reference.slot, reference.generation, reference.offset, reference.length]
    return json.dumps([account, number, value, place]).encode()


def decode(payload: bytes):
    account, number, value, place = json.loads(payload)
    return account, number, value, BlobReference(*place) if place else None


class Store:
    """The owner: accounts as the index, `final` as the place of bodies."""

    def __init__(self, read=None) -> None:
        self.accounts: dict[str, Account] = {}
        self.final: dict[tuple[str, int], bytes] = {}
        self.durable_final: dict[tuple[str, int], bytes] = {}
        self.replayed: list[Record] = []
        self.settled: list[Record] = []
        self.read = read
        self.error: Exception | None = None
        self.troubled: set[str] = set()
        self.restored: list[Record] = []

    def account(self, name: str) -> Account:
        return self.accounts.setdefault(name, Account(name))

    def unapplied(self, record):
        name, _, _, reference = decode(record.payload)
        return Unapplied(record, name, "damaged", [reference] if reference else [])

    def replay(self, records):
        aside = []
        for record in records:
            name, number, value, reference = decode(record.payload)
            if name in self.troubled:
                aside.append(self.unapplied(record))
                continue
            self.replayed.append(record)
            rows = self.account(name).rows
            if number > len(rows):
                assert number == len(rows) + 1, "a hole"
                rows.append((value, reference))
        return aside

    def restore(self, key, records, read) -> None:
        if key in self.troubled:
            raise StorageTrouble("damaged", account=key)
        for record in records:
            name, number, value, reference = decode(record.payload)
            if name != key:
                continue
            self.restored.append(record)
            rows = self.account(name).rows
            if number > len(rows):
                assert number == len(rows) + 1, "a hole"
                rows.append((value, reference))
            octets = read(reference) if reference is not None else None
            if octets is not None:
                self.final[name, number] = octets

    def settle(self, records):
        if self.error is not None:
            raise self.error
        aside = []
        for record in records:
            name, number, _, reference = decode(record.payload)
            if name in self.troubled:
                aside.append(self.unapplied(record))
                continue
            self.settled.append(record)
            if reference is not None:
                octets = self.read(reference)
                assert octets is not None
                self.final[name, number] = octets
        return aside

    def synced(self) -> None:
        """A syncfs makes index rows and bodies durable."""
        for account in list(self.accounts.values()):
            account.durable = len(account.rows)
        self.durable_final = dict(self.final)

    def after_power_cut(self, random: Random) -> Store:
        """What is left: all that was synced, and a part of the rest."""
        left = Store()
        for name, account in self.accounts.items():
            count = random.randint(account.durable, len(account.rows))
            left.account(name).rows = account.rows[:count]
        left.final = dict(self.durable_final)
        for key, octets in self.final.items():
            if random.random() < 0.5:
                left.final[key] = octets
        return left


class PowerCutError(BaseException):
    """The machine is gone."""


SECTOR = 512


class Disk(Files):
    """The real file system, and beside it what would be left after a power cut.

    `cut_at` is the number of the call at which the power goes; `errors` maps a call's name to what
    it raises; `short` makes each write short.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.calls = 0
        self.cut_at = -1
        self.dead = False
        self.errors: dict[str, OSError] = {}
        self.short = False
        self.free: int | None = None
        self.on_syncfs = lambda: None
        self._lock = threading.RLock()
        self._ids: dict[int, int] = {}
        self._durable: list[bytearray] = []
        self._pending: list[list[tuple[int, bytes]]] = []
        self._names: dict[Path, int] = {}
        self._renames: list[tuple[Path, Path | None, int]] = []  # parent, names in order

    def _call(self, name: str) -> None:
        self.calls += 1
        if self.dead or self.calls == self.cut_at:
            self.dead = True
            raise PowerCutError
        if name in self.errors:
            raise self.errors[name]

    def create(self, path: Path) -> int:
        with self._lock:
            self._call("create")
            number = super().create(path)
            self._ids[os.fstat(number).st_ino] = len(self._durable)
            self._renames.append((path, path, len(self._durable)))
            self._durable.append(bytearray())
            self._pending.append([])
            return number

    def open(self, path: Path) -> int:
        with self._lock:
            self._call("open")
            return super().open(path)

    def _id(self, number: int) -> int:
        return self._ids[os.fstat(number).st_ino]

    def write(self, descriptor, parts, offset) -> int:
        with self._lock:
            octets = b"".join(parts)
            file = self._id(descriptor)
            try:
                self._call("write")
            except PowerCutError:
                self._pending[file].append((offset, octets))
                raise
            if self.short and len(octets) > 1:
                octets = octets[: len(octets) // 2]
            self._pending[file].append((offset, octets))
            return super().write(descriptor, [octets], offset)

    def sync(self, descriptor) -> None:
        with self._lock:
            self._call("sync")
            self._flush(self._id(descriptor))

    def _flush(self, file: int) -> None:
        for offset, octets in self._pending[file]:
            put(self._durable[file], offset, octets)
        self._pending[file].clear()

    def sync_directory(self, path) -> None:
        with self._lock:
            self._call("sync_directory")
            self._flush_names(len(self._renames))

    def _flush_names(self, count: int) -> None:
        for old, new, file in self._renames[:count]:
            self._names.pop(old, None)
            if new is not None:
                self._names[new] = file
        del self._renames[:count]

    def sync_filesystem(self, path) -> None:
        with self._lock:
            self._call("sync_filesystem")
            for file in range(len(self._durable)):
                self._flush(file)
            self._flush_names(len(self._renames))
            self.on_syncfs()

    def rename(self, old, new) -> None:
        with self._lock:
            self._call("rename")
            file = self._ids.get(old.stat().st_ino)
            super().rename(old, new)
            if file is not None:
                self._renames.append((old, new, file))

    def remove(self, path) -> None:
        with self._lock:
            self._call("remove")
            self._renames.append((path, None, -1))
            super().remove(path)

    def free_octets(self, path) -> int:
        return super().free_octets(path) if self.free is None else self.free

    def after_power_cut(self, target: Path, random: Random) -> None:
        """Write what is left below `target`: synced octets, and any sectors of the rest."""
        self._flush_names(random.randint(0, len(self._renames)))
        for path, file in self._names.items():
            left = self._durable[file]
            for offset, octets in self._pending[file]:
                position = offset
                while position < offset + len(octets):
                    end = min((position // SECTOR + 1) * SECTOR, offset + len(octets))
                    if random.random() < 0.5:
                        put(left, position, octets[position - offset : end - offset])
                    position = end
            place = target / path.relative_to(self.root)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(left)


def put(octets: bytearray, offset: int, part: bytes) -> None:
    if len(octets) < offset:
        octets.extend(bytes(offset - len(octets)))
    octets[offset : offset + len(part)] = part


def full() -> OSError:
    return OSError(errno.ENOSPC, "no space")


def broken() -> OSError:
    return OSError(errno.EIO, "input/output error")


def frames(directory: Path, slot: int = 0) -> list[ScannedFrame]:
    """What is on the disk, in order."""
    segment_files = segments(directory, slot, "sealed") + segments(directory, slot, "seg")
    return [f for one in segment_files for f in scan(one.path.read_bytes(), one.generation).frames]


@pytest.fixture
async def make(kit, tmp_path, nursery):
    """Opens logs on one disk, each in a task of its own; `close` ends them in order."""
    disk = kit.Disk(tmp_path)
    disk.reports = []
    ends = []

    async def serve(settings, *, task_status):
        end, ended = trio.Event(), trio.Event()
        ends.append((end, ended))
        async with open_log(
            tmp_path,
            clock=kit.Clock(),
            settings=settings,
            files=disk,
            report=lambda event, **_: disk.reports.append(event),
        ) as log:
            log.store = kit.Store(log.read)
            log.register("store", log.store)
            log.disk = disk
            task_status.started(log)
            await end.wait()
        ended.set()

    async def one(settings=SMALL):
        return await nursery.start(serve, settings)

    async def close():
        for end, ended in ends:
            end.set()
            await ended.wait()

    one.close = close
    return one


@pytest.fixture
def kit() -> SimpleNamespace:
    """The classes of this file."""
    return SimpleNamespace(
        Clock=Clock,
        Account=Account,
        Add=Add,
        Store=Store,
        Disk=Disk,
        PowerCutError=PowerCutError,
        decode=decode,
        encode=encode,
        full=full,
        broken=broken,
        frames=frames,
        SMALL=SMALL,
    )
