"""Sets of UIDs as ranges in a few octets: how records and change rows name many messages.

A packed set is pairs of 32-bit numbers, first and last of each range, ascending.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence

RANGE_OCTETS = 8
"""Octets of one range in a packed set."""


def pack(uids: Sequence[int]) -> bytes:
    """UIDs, which must ascend and differ, as a packed set."""
    pairs = array("I")
    first = last = -1
    for uid in uids:
        if uid == last + 1:
            last = uid
            continue
        if first >= 0:
            pairs.append(first)
            pairs.append(last)
        first = last = uid
    if first >= 0:
        pairs.append(first)
        pairs.append(last)
    return pairs.tobytes()


def ranges(packed: bytes) -> Iterator[tuple[int, int]]:
    """First and last of each range."""
    pairs = array("I")
    pairs.frombytes(packed)
    return zip(pairs[::2], pairs[1::2], strict=True)


def unpack(packed: bytes) -> Iterator[int]:
    """The UIDs, ascending."""
    for first, last in ranges(packed):
        yield from range(first, last + 1)


def runs(uids: Iterable[int]) -> list[tuple[int, int]]:
    """The ranges of any UIDs; numbers that cannot be a UID are left out."""
    values = uids if isinstance(uids, list) else list(uids)
    if values and 0 < values[0] <= values[-1] < 1 << 32:
        first, last = values[0], values[-1]
        # The usual case: neighbours. Compared at the speed of C.
        if last - first + 1 == len(values) and values == list(range(first, last + 1)):
            return [(first, last)]
    return list(ranges(pack(sorted({uid for uid in values if 0 < uid < 1 << 32}))))
