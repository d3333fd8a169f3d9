"""Giving back what stands aside: for a worker whose account is mended, and for the housekeeper.

Rules of this file: blocking, for threads; nothing is settled or put aside meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from thurn.contracts.commitlog import Owner, Record
from thurn.log.aside import Aside
from thurn.log.files import Lock
from thurn.log.recovery import missing_owner, scan_segment
from thurn.log.segment import segments, slots
from thurn.log.settings import Report


def restore_aside(
    directory: Path,
    aside: Aside,
    owners: Mapping[str, Owner],
    place: tuple[str, str],
    report: Report,
) -> bool:
    """Have an owner apply what stands aside for a key, and forget it.

    Args:
        directory: the log's.
        aside: where the records are.
        owners: the owners by the names in their records.
        place: the owner's name, and the key.
        report: called for each damage of a segment.

    Returns:
        Whether anything stood aside.

    Raises:
        StorageError: the owner cannot apply it, or a file cannot be read; it stays.
        OSError: the same.
    """
    name, key = place
    with Lock.wait(directory / "settle.lock"):
        if not aside.has(name, key):
            return False  # another process was first
        owner = owners.get(name)
        if owner is None:
            raise missing_owner(name)
        in_log = _records(directory, name, report) if aside.is_incomplete(name, key) else ()
        aside.restore(name, owner, key, in_log)
    return True


def _records(directory: Path, name: str, report: Report) -> Iterator[Record]:
    """The records of an owner in all sealed segments."""
    for slot in slots(directory):
        for segment in segments(directory, slot, "sealed"):
            for frame in scan_segment(segment, report).frames:
                for owner, payload in frame.records():
                    if owner == name:
                        yield Record(payload, frame.written_at_ns)
