"""Reads and verifies blobs of any worker's log, while segments are sealed and recycled meanwhile.

Rules of this file: usable from several threads; never returns octets that are not the blob's.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import Final

from thurn.contracts.commitlog import BlobReference
from thurn.log.frame import BLOB_OCTETS, SEGMENT_OCTETS, read_blob, read_header
from thurn.log.segment import Descriptor

OPEN_SEGMENTS: Final = 64
"""Most segments kept open: a gigabyte of log, far more than is normally unsettled."""


class Reader:
    """Reads blobs by reference; keeps the segments that it has read from open."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._open: OrderedDict[tuple[int, int], Descriptor] = OrderedDict()
        self._lock = Lock()

    def read(self, reference: BlobReference) -> bytes | None:
        """The octets; None if the log has retired them or never had them.

        Raises:
            OSError: the disk could not be read.
        """
        key = (reference.slot, reference.generation)
        with self._lock:
            descriptor = self._open.get(key)
            if descriptor is not None:
                self._open.move_to_end(key)
        if descriptor is None:
            descriptor = self._find(reference)
            if descriptor is None:
                return None
            with self._lock:
                self._open[key] = descriptor
                if len(self._open) > OPEN_SEGMENTS:
                    self._open.popitem(last=False)
        length = reference.length
        octets = os.pread(descriptor.number, BLOB_OCTETS + length, reference.offset)
        content = read_blob(octets, descriptor.salt, length)
        if content is None:  # the file was recycled
            with self._lock:
                self._open.pop(key, None)
        return content

    def _find(self, reference: BlobReference) -> Descriptor | None:
        slot_path = self._directory / str(reference.slot)
        # In the order of a segment's life, so that a rename at this moment cannot hide it.
        for kind in ("seg", "sealed"):
            path = slot_path / f"{reference.generation:016x}.{kind}"
            try:
                number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            except FileNotFoundError:
                continue
            header = read_header(os.pread(number, SEGMENT_OCTETS, 0))
            if header is None or header[1] != reference.generation:
                os.close(number)
                return None
            return Descriptor(number, header[0])
        return None
