"""Bodies: first in the log, then in files `bodies/<id>`, which are written once.

Rules of this file: a file gets its final name only when it is complete; names are ids that this
plugin made; every function may wait for the disk.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Final

from thurn.plugin import SPILL_OCTETS, Blob, BlobReference, Record, StorageTrouble

from thurn_queue_spool.database import FILE, connect, engine_errors, one
from thurn_queue_spool.record import Inserted, decode

STRAY_SECONDS: Final = 86_400
"""Age in seconds after which a file without an entry is removed; a younger one may belong to a
deposit in progress."""
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
_LOST: Final = "a body is neither in the log nor in its file"

Read = Callable[[BlobReference], "bytes | None"]


class Bodies:
    """The bodies of one queue below its directory; `read` returns octets that the log still has."""

    def __init__(self, directory: Path, read: Read) -> None:
        self._queue = directory / FILE
        self._directory = directory / "bodies"
        self.read = read
        if not self._directory.exists():
            self._directory.mkdir(mode=0o700, exist_ok=True)
            for path in (directory, directory.parent, directory.parent.parent):
                _sync_names(path)

    def path(self, id_: str) -> Path:
        """The file that the body of an entry gets."""
        return self._directory / id_

    def place(self, id_: str, blob: Blob) -> None:
        """Write the body of an entry to its file, durably; raises OSError."""
        if blob.path is None:
            self._write(id_, blob.read(), sync=True)
        else:
            self._write(id_, blob.path, sync=True)
        _sync_names(self._directory)

    def _write(self, id_: str, source: bytes | Path, *, sync: bool = False) -> None:
        temporary = self.path(f"{id_}.new")
        try:
            with open(os.open(temporary, _FLAGS, 0o600), "wb") as target:  # noqa: PTH123 - a descriptor
                if isinstance(source, bytes):
                    target.write(source)
                else:
                    with source.open("rb") as octets:
                        shutil.copyfileobj(octets, target, SPILL_OCTETS)
                target.flush()
                if sync:
                    os.fsync(target.fileno())
            temporary.rename(self.path(id_))
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def remove(self, id_: str) -> None:
        """Remove the file of an entry if there is one; raises OSError."""
        self.path(id_).unlink(missing_ok=True)

    def find(self, id_: str, length: int) -> Blob:
        """The body of an entry from its file, once the log no longer has it.

        Raises:
            StorageTrouble: the body is not in its file either.
            OSError: the disk could not be read.
        """
        if not self._is_whole(id_, length):
            raise StorageTrouble(_LOST)
        path = self.path(id_)
        return Blob(path=path) if length > SPILL_OCTETS else Blob(path.read_bytes())

    def _is_whole(self, id_: str, length: int) -> bool:
        try:
            return self.path(id_).stat().st_size == length
        except FileNotFoundError:
            return False

    def settle(self, records: Iterable[Record]) -> None:
        """Write the bodies of waiting entries to their files, without a sync.

        Raises:
            StorageError: a body could not be written or found; the log keeps the records.
        """
        with engine_errors(), closing(connect(self._queue)) as connection:

            def waits(op: Inserted) -> bool:
                return one(connection, "SELECT 1 FROM entry WHERE id = ?", op.id) is not None

            for record in records:
                op = decode(record.payload)
                if not isinstance(op, Inserted) or op.place is None or not waits(op):
                    continue
                if self._is_whole(op.id, op.length):
                    continue
                octets = self.read(BlobReference(*op.place, op.length))
                if octets is None:
                    if waits(op):
                        raise StorageTrouble(_LOST)
                    continue
                self._write(op.id, octets)
                if not waits(op):  # it was removed before the file existed
                    self.remove(op.id)

    def sweep(self, now: float | None = None) -> None:
        """Remove old files without an entry, which killed workers have left."""
        now = time.time() if now is None else now  # the clock of the file system, not the site's
        with engine_errors(), closing(connect(self._queue)) as connection:
            for path in self._directory.iterdir():
                row = one(connection, "SELECT 1 FROM entry WHERE id = ?", path.name)
                try:
                    if row is None and path.stat().st_mtime < now - STRAY_SECONDS:
                        path.unlink()
                except FileNotFoundError:
                    continue


def _sync_names(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
