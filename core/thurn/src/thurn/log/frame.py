"""How a frame and a blob look on the disk: writing them and scanning them.

A segment is a page with the segment header, then frames without gaps, then whatever the file held
when it was an earlier segment. Integers are little-endian.

    segment = header *frame                 ; frames begin at FIRST_FRAME
    header  = "thS" version  salt  generation  crc
    frame   = "thF" version  salt  generation  sequence  records-octets  blobs-octets  time  crc
              *blob *record
    blob    = salt  length  crc  octets
    record  = owner-length  payload-length  owner  payload

The salt is drawn anew whenever a file becomes a segment. It distinguishes the frames of this
segment from stale ones, and since no peer can know it, nobody can write a message whose octets in a
recycled file look like a frame or a blob. The crc of a frame covers its header, its records and the
headers of its blobs; each blob has its own crc, so octets are summed once and `read` can verify a
single blob.

A frame is written after the frame before it was synced. So a frame that cannot be read is *torn* if
nothing readable follows (it was never acknowledged and is ignored), and *damaged* if something
does.

A record without an owner's name is the log's own: it takes back records of the frame before it,
whose indexes could not be committed. Bit N of its payload stands for record N of that frame.

Rules of this file: it knows no file; a scan never raises for any octets.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final
from zlib import crc32

from thurn.contracts.commitlog import BlobReference
from thurn.types.content import Blob
from thurn.types.errors import PluginError

FIRST_FRAME: Final = 4096
"""Offset of the first frame: the header has a page of its own, which no frame is ever written
to."""

SALT_OCTETS: Final = 8
"""Octets of a segment's salt: too many to be guessed by a peer."""
_SEGMENT_MAGIC: Final = b"thS\x01"
_FRAME_MAGIC: Final = b"thF\x01"
_SEGMENT: Final = struct.Struct("<4s8sQ")
_FRAME: Final = struct.Struct("<4s8sQIIQQ")
_CRC: Final = struct.Struct("<I")
_BLOB: Final = struct.Struct("<8sII")
_RECORD: Final = struct.Struct("<BI")
SEGMENT_OCTETS: Final = _SEGMENT.size + _CRC.size
FRAME_OCTETS: Final = _FRAME.size + _CRC.size
BLOB_OCTETS: Final = _BLOB.size
OWNER_OCTETS: Final = 255
"""Most octets of an owner's name, because its length is written as one octet."""


def write_header(salt: bytes, generation: int) -> bytes:
    """The header of a segment."""
    head = _SEGMENT.pack(_SEGMENT_MAGIC, salt, generation)
    return head + _CRC.pack(crc32(head))


def read_header(octets: bytes) -> tuple[bytes, int] | None:
    """Salt and generation; None if this is not a segment header."""
    if len(octets) < SEGMENT_OCTETS:
        return None
    magic, salt, generation = _SEGMENT.unpack_from(octets)
    if magic != _SEGMENT_MAGIC:
        return None
    if _CRC.unpack_from(octets, _SEGMENT.size)[0] != crc32(octets[: _SEGMENT.size]):
        return None
    return salt, generation


def read_blob(octets: bytes, salt: bytes, length: int) -> bytes | None:
    """The content of a blob that stands here with its header; None if it is not, or no longer, this
    blob."""
    if len(octets) != BLOB_OCTETS + length:
        return None
    blob_salt, blob_length, crc = _BLOB.unpack_from(octets)
    content = octets[BLOB_OCTETS:]
    is_whole = blob_salt == salt and blob_length == length and crc == crc32(content)
    return content if is_whole else None


def owner_prefix(name: str) -> bytes:
    """The name as records have it. Raises PluginError if it is empty or too long."""
    encoded = name.encode()
    if not 0 < len(encoded) <= OWNER_OCTETS:
        raise PluginError(f"the owner's name {name!r} must have 1 to {OWNER_OCTETS} octets")
    return encoded


class FrameBuilder:
    """The `Frame` that the changes of one round fill. The offsets that `blob` returns are final."""

    __slots__ = (
        "_blobs",
        "_end",
        "_generation",
        "_heads",
        "_owners",
        "_parts",
        "_records",
        "_salt",
        "_slot",
        "octets",
    )

    def __init__(
        self, slot: int, generation: int, salt: bytes, offset: int, owners: Mapping[str, bytes]
    ) -> None:
        self._slot, self._generation, self._salt = slot, generation, salt
        self._end = offset + FRAME_OCTETS
        self._owners = owners
        self._blobs: dict[Blob, BlobReference] = {}
        self._heads: list[bytes] = []
        self._parts: list[bytes] = []
        self._records: list[bytes] = []
        self.octets = FRAME_OCTETS

    def blob(self, blob: Blob) -> BlobReference:
        """See `Frame.blob`. Raises ValueError for a blob that has a file of its own."""
        reference = self._blobs.get(blob)
        if reference is not None:
            return reference
        if blob.path is not None:
            raise ValueError("a blob with a file of its own does not go into the log")
        content = blob.read()
        length = len(content)
        head = _BLOB.pack(self._salt, length, crc32(content))
        reference = BlobReference(self._slot, self._generation, self._end, length)
        self._blobs[blob] = reference
        self._heads.append(head)
        self._parts += head, content
        self._end += BLOB_OCTETS + length
        self.octets += BLOB_OCTETS + length
        return reference

    def record(self, owner: str, payload: bytes) -> None:
        """See `Frame.record`. Raises PluginError when nobody has registered that name."""
        name = self._owners.get(owner)
        if name is None:
            raise PluginError(f"nobody has registered {owner!r} with the commit log")
        self._records += _RECORD.pack(len(name), len(payload)), name, payload
        self.octets += _RECORD.size + len(name) + len(payload)

    @property
    def count(self) -> int:
        """How many records the frame has so far."""
        return len(self._records) // 3

    def take_back(self, numbers: int) -> None:
        """Take back records of the frame before this one: those whose bits are set in `numbers`."""
        payload = numbers.to_bytes((numbers.bit_length() + 7) // 8, "little")
        self._records += _RECORD.pack(0, len(payload)), b"", payload
        self.octets += _RECORD.size + len(payload)

    def finish(self, sequence: int, written_at_ns: int) -> list[bytes]:
        """The parts to write at the offset; empty if no change added a record or a blob."""
        if not self._records and not self._parts:
            return []
        records = b"".join(self._records)
        blobs_octets = self.octets - FRAME_OCTETS - len(records)
        head = _FRAME.pack(
            _FRAME_MAGIC,
            self._salt,
            self._generation,
            sequence,
            len(records),
            blobs_octets,
            written_at_ns,
        )
        crc = crc32(records, crc32(b"".join(self._heads), crc32(head)))
        return [head + _CRC.pack(crc), *self._parts, records]


@dataclass(frozen=True, slots=True)
class ScannedFrame:
    """A frame that was read whole."""

    sequence: int
    written_at_ns: int
    octets: int
    records_region: bytes

    def records(self) -> Iterator[tuple[str, bytes]]:
        """Owner and payload of each record, in the order of writing. The crc has been checked, so
        the lengths are right."""
        region, position, end = self.records_region, 0, len(self.records_region)
        while position < end:
            name_octets, payload_octets = _RECORD.unpack_from(region, position)
            start = position + _RECORD.size
            position = start + name_octets + payload_octets
            yield (
                region[start : start + name_octets].decode(),
                region[start + name_octets : position],
            )

    def without(self, later: ScannedFrame) -> ScannedFrame:
        """This frame without the records that the frame behind it takes back."""
        taken_back = int.from_bytes(later.records_region[_RECORD.size :], "little")
        kept: list[bytes] = []
        for number, (owner, payload) in enumerate(self.records()):
            if not taken_back >> number & 1:
                name = owner.encode()
                kept += _RECORD.pack(len(name), len(payload)), name, payload
        return replace(self, records_region=b"".join(kept))


@dataclass(frozen=True, slots=True)
class Scan:
    """What a segment holds.

    Attributes:
        frames: in the order of writing.
        damages: what was lost, in words for the operator; a torn last frame is not damage.
    """

    frames: list[ScannedFrame]
    damages: list[str]


def scan(octets: bytes, generation: int) -> Scan:
    """All readable frames of a segment; damaged places are skipped and described."""
    damages: list[str] = []
    salt = _salt(octets, generation, damages)
    if salt is None:
        return Scan([], [])
    marks = _FRAME_MAGIC + salt
    view = memoryview(octets)
    frames: list[ScannedFrame] = []
    bad_blobs: list[int] = []  # of the newest frame
    position, expected = FIRST_FRAME, 0
    while True:
        frame = _frame(view, position, marks)
        if frame is None:
            position = octets.find(marks, position + 1)
            if position < 0:
                break
            continue
        damages += [f"a blob at octet {offset} cannot be read" for offset in bad_blobs]
        if frame.sequence != expected:
            damages.append(f"frames {expected} to {frame.sequence - 1} cannot be read")
        bad_blobs = _bad_blobs(view, position, frame, salt)
        if frame.records_region[:1] == b"\0":
            if frames and frame.sequence == expected:
                frames[-1] = frames[-1].without(frame)
            frame = replace(frame, records_region=b"")
        frames.append(frame)
        position, expected = position + frame.octets, frame.sequence + 1
    if bad_blobs:
        frames.pop()  # the last frame is torn
    return Scan(frames, damages)


def _salt(octets: bytes, generation: int, damages: list[str]) -> bytes | None:
    header = read_header(octets[:SEGMENT_OCTETS])
    if header is not None:
        # A header of another generation: the file had only been renamed to become this segment.
        return header[0] if header[1] == generation else None
    if len(octets) < FIRST_FRAME + FRAME_OCTETS:
        return None
    magic, salt, frame_generation, *_ = _FRAME.unpack_from(octets, FIRST_FRAME)
    if magic != _FRAME_MAGIC or frame_generation != generation:
        return None
    damages.append("the segment header cannot be read; taken from the first frame")
    return bytes(salt)


def _frame(view: memoryview, position: int, marks: bytes) -> ScannedFrame | None:
    start = position + FRAME_OCTETS
    if start > len(view) or view[position : position + len(marks)] != marks:
        return None
    fields = _FRAME.unpack_from(view, position)
    sequence, records_octets, blobs_octets, written_at_ns = fields[3:]
    end = start + blobs_octets + records_octets
    if end > len(view):
        return None
    crc = crc32(view[position : position + _FRAME.size])
    blob, blobs_end = start, start + blobs_octets
    while blob + BLOB_OCTETS <= blobs_end:
        crc = crc32(view[blob : blob + BLOB_OCTETS], crc)
        blob += BLOB_OCTETS + _BLOB.unpack_from(view, blob)[1]
    if blob != blobs_end or _CRC.unpack_from(view, position + _FRAME.size)[0] != crc32(
        view[blobs_end:end], crc
    ):
        return None
    return ScannedFrame(sequence, written_at_ns, end - position, bytes(view[blobs_end:end]))


def _bad_blobs(view: memoryview, position: int, frame: ScannedFrame, salt: bytes) -> list[int]:
    bad = []
    blob = position + FRAME_OCTETS
    end = position + frame.octets - len(frame.records_region)
    while blob < end:
        _, length, crc = _BLOB.unpack_from(view, blob)
        if crc32(view[blob + BLOB_OCTETS : blob + BLOB_OCTETS + length]) != crc:
            bad.append(blob)
        blob += BLOB_OCTETS + length
    return bad
