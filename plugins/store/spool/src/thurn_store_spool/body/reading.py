"""Reading bodies, wherever they are: in the commit log until they are settled, then in their files.

A body may be settled, and the log retired, between two looks; so it is looked for twice.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from thurn.plugin import Blob, BlobReference

from thurn_store_spool.cache.bounds import RETIRED_SEGMENTS, BoundedDict
from thurn_store_spool.layout import body_name

ReadLog: TypeAlias = Callable[[BlobReference], "bytes | None"]
"""Gives the octets of a blob; None once the commit log has retired it."""

WHOLE_OCTETS: Final = 65_536
"""The largest body that is read whole from its file; a larger one is given as that file, which
whoever sends it to a slow client reads piece by piece."""


class Bodies:
    """Finds bodies: in the commit log while it has them, then in their files."""

    def __init__(self, read: ReadLog) -> None:
        self._read = read
        self._retired: BoundedDict[tuple[int, int], None] = BoundedDict(RETIRED_SEGMENTS)

    def find(
        self, directory: Path, message: int, reference: BlobReference | None, length: int
    ) -> Blob | None:
        """The blob; None when it is neither in the log nor in a file of this length.

        Raises:
            OSError: the disk could not be read.
        """
        for _attempt in range(2):  # it may just have moved from the log to its file
            octets = self._from_log(reference)
            if octets is not None:
                return Blob(octets)
            blob = _from_file(body_name(directory, message), length)
            if blob is not None:
                return blob
            if reference is not None:
                self._retired.pop((reference.slot, reference.generation), None)
        return None

    def _from_log(self, reference: BlobReference | None) -> bytes | None:
        if reference is None or (reference.slot, reference.generation) in self._retired:
            return None
        octets = self._read(reference)
        if octets is None:
            self._retired.remember((reference.slot, reference.generation), None)
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
    """The octets of a file; fewer or more than `length` when the file has another length."""
    descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        octets = os.read(descriptor, length + 1)
        while len(octets) < length and (part := os.read(descriptor, length - len(octets))):
            octets += part
    finally:
        os.close(descriptor)
    return octets
