"""The difference between two views of a mailbox: messages that are gone, changed, new.

Rules of this file: columns are compared in blocks, so that the usual case (few changes) costs a few
hundred comparisons at the speed of C, whatever the size of the mailbox. UIDs only grow: a UID of
the older view that the newer one lacks is gone, and new ones are at the end.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from thurn.plugin import View

BLOCK: Final = 512
"""Elements of a column compared at once: a slice of 2 KiB; to find a change in it takes 10 µs."""
FEW: Final = 32
"""Most missing UIDs that are searched for one by one; for more, one pass in blocks is cheaper."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How an older view became a newer one.

    Attributes:
        gone: positions in the older view, ascending.
        changed: positions in the newer view of messages that the older one has with another
            MODSEQ, ascending.
        first_new: the position in the newer view where new messages begin.
    """

    gone: list[int]
    changed: list[int]
    first_new: int


Expect = Callable[["array[int]", int], "array[int]"]
"""From masks of flags and a MODSEQ to the masks after the change that has this MODSEQ."""


def difference(old: View, new: View, expect: Expect | None = None) -> Difference:
    """The difference between two views of the same mailbox.

    Args:
        old: the earlier one.
        new: the later one.
        expect: the effect of changes that the caller knows: blocks that differ by nothing else are
            left out of `changed`.
    """
    first_new = bisect_left(new.uids, old.uidnext)
    kept = new.uids if first_new == len(new.uids) else new.uids[:first_new]
    gone = _missing(old.uids, kept)
    before = without(old.modseqs, gone) if gone else old.modseqs
    if new.highestmodseq == old.highestmodseq:
        return Difference(gone, [], first_new)
    masks = old.flags
    if expect is not None and gone:
        masks = without(masks, gone)
    changed = [
        at
        for start, end in _blocks(before, new.modseqs, first_new)
        if expect is None or not _is_expected(masks, new, start, end, expect)
        for at in _unequal(before, new.modseqs, start, end)
    ]
    return Difference(gone, changed, first_new)


def without(column: array[int], gone: list[int]) -> array[int]:
    """A copy of the column without the elements at these positions."""
    if len(gone) <= FEW:
        column = column[:]
        for position in reversed(gone):
            del column[position]
        return column
    kept = array(column.typecode)
    start = 0
    for position in gone:
        if position > start:
            kept += column[start:position]
        start = position + 1
    kept += column[start:]
    return kept


def _missing(old: array[int], kept: array[int]) -> list[int]:
    """Positions of those in `old` that `kept` lacks; both ascend, and `kept` is part of `old`."""
    count = len(old) - len(kept)
    if count <= 0:
        return []
    if count > FEW:
        return _missing_in_blocks(old, kept, count)
    gone: list[int] = []
    position = 0
    while len(gone) < count:
        position = _first_gap(old, kept, position, len(gone))
        gone.append(position)
        position += 1
    return gone


def _missing_in_blocks(old: array[int], kept: array[int], count: int) -> list[int]:
    """The same for `count` UIDs: only blocks that differ are looked at one by one."""
    gone: list[int] = []
    for start in range(0, len(old), BLOCK):
        if len(gone) == count:
            break
        block, low = old[start : start + BLOCK], start - len(gone)
        there = kept[low : low + len(block)]
        if block != there:
            present = set(there)
            gone += [at for at, uid in enumerate(block, start) if uid not in present]
    return gone


def _first_gap(old: array[int], kept: array[int], start: int, shift: int) -> int:
    """The first position from `start` on where old[p] is not kept[p - shift]."""
    low, high = start, len(old)
    while low < high:
        middle = (low + high) // 2
        at = middle - shift
        if at < len(kept) and kept[at] == old[middle]:
            low = middle + 1
        else:
            high = middle
    return low


def _blocks(before: array[int], after: array[int], count: int) -> Iterator[tuple[int, int]]:
    """The blocks among the first `count` elements in which the columns differ."""
    for start in range(0, count, BLOCK):
        end = min(start + BLOCK, count)
        if before[start:end] != after[start:end]:
            yield start, end


def _is_expected(masks: array[int], new: View, start: int, end: int, expect: Expect) -> bool:
    modseqs = new.modseqs[start:end]
    modseq = modseqs[0]
    if modseqs.count(modseq) < len(modseqs):
        return False
    return expect(masks[start:end], modseq) == new.flags[start:end]


def _unequal(before: array[int], after: array[int], start: int, end: int) -> list[int]:
    """Positions of a block at which the columns differ."""
    pairs = zip(before[start:end], after[start:end], strict=True)
    return [at for at, (one, other) in enumerate(pairs, start) if one != other]
