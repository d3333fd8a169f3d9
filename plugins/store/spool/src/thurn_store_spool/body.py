"""Message bodies: written once, under a number, found in the log or in their file.

Rules of this file: a file has its final name only when all its octets are in it; it is made with
O_EXCL and O_NOFOLLOW in the account's own directory, mode 0600; nothing ever changes it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from thurn.plugin import SPILL_OCTETS, Blob, BlobReference

from thurn_store_spool.place import body_name, body_path

Read = Callable[[BlobReference], "bytes | None"]

_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
WHOLE_OCTETS: Final = 65_536
"""A larger body in its file is given as that file: whoever sends it to a slow client reads it piece
by piece."""

_RETIRED_KNOWN: Final = 4_096
"""Segments remembered as gone; about 64 GiB of mail."""


def write_body(directory: Path, message: int, octets: bytes) -> None:
    """The body is in its file; not synced.

    Written anew even when there is a file of this size: after a power cut it may have the size and
    not the octets. That is safe beside readers, who find the body in the log.

    Raises:
        OSError: it is not.
    """
    path = body_name(directory, message)
    temporary = f"{path}.new"
    try:
        descriptor = _create(temporary)
        try:
            written = os.write(descriptor, octets)
            while written < len(octets):
                written += os.write(descriptor, octets[written:])
        finally:
            os.close(descriptor)
        os.rename(temporary, path)  # noqa: PTH104 - done for every message; a Path costs more
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _create(path: str) -> int:
    try:
        return os.open(path, _FLAGS, 0o600)
    except FileNotFoundError:
        Path(path).parent.mkdir(mode=0o700, exist_ok=True)
        return os.open(path, _FLAGS, 0o600)
    except FileExistsError:  # of a process that was killed
        Path(path).unlink()
        return os.open(path, _FLAGS, 0o600)


def place_body(directory: Path, message: int, blob: Blob) -> None:
    """The body is in its file and durable, with every name on the way; blocking, for a thread.

    Raises:
        OSError: it is not.
    """
    path = body_path(directory, message)
    temporary = path.with_name(f"{path.name}.new")
    try:
        descriptor = _create(str(temporary))
        with open(descriptor, "wb") as target:  # noqa: PTH123 - a descriptor
            if blob.path is None:
                target.write(blob.read())
            else:
                with blob.path.open("rb") as source:
                    shutil.copyfileobj(source, target, SPILL_OCTETS)
            target.flush()
            os.fsync(target.fileno())
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_names(path.parent, directory)


def sync_names(inner: Path, directory: Path) -> None:
    """The names of these directories, up to the one above all accounts, are on the disk."""
    for one in (inner, inner.parent, directory, *directory.parents[:2]):
        descriptor = os.open(one, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_body(directory: Path, message: int) -> None:
    """The file is gone, if it was there."""
    body_path(directory, message).unlink(missing_ok=True)


class Bodies:
    """Finds bodies: in the log while it has them, then in their files."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._retired: set[tuple[int, int]] = set()

    def find(
        self, directory: Path, message: int, reference: BlobReference | None, length: int
    ) -> Blob | None:
        """The blob; None when it is in neither place.

        Raises:
            OSError: the disk could not be read.
        """
        for _attempt in range(2):  # it may be on its way from the one to the other
            octets = self._from_log(reference)
            if octets is not None:
                return Blob(octets)
            blob = _from_file(body_name(directory, message), length)
            if blob is not None:
                return blob
            if reference is not None:
                self._retired.discard((reference.slot, reference.generation))
        return None

    def _from_log(self, reference: BlobReference | None) -> bytes | None:
        if reference is None or (reference.slot, reference.generation) in self._retired:
            return None
        octets = self._read(reference)
        if octets is None:
            if len(self._retired) >= _RETIRED_KNOWN:
                self._retired.clear()
            self._retired.add((reference.slot, reference.generation))
        return octets


def _from_file(name: str, length: int) -> Blob | None:
    try:
        if length > WHOLE_OCTETS:
            path = Path(name)
            return Blob(path=path) if path.stat().st_size == length else None
        octets = _read_file(name, length)
    except FileNotFoundError:
        return None
    return Blob(octets) if len(octets) == length else None


def _read_file(name: str, length: int) -> bytes:
    """The file's octets, if it has so many; else others."""
    descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        octets = os.read(descriptor, length + 1)
        while len(octets) < length and (part := os.read(descriptor, length - len(octets))):
            octets += part
    finally:
        os.close(descriptor)
    return octets
