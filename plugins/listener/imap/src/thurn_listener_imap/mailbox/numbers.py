"""Message numbers and UIDs as a client writes them, turned into positions in a view.

Rules of this file: a set becomes ascending, disjoint spans of positions, so that `1:*` said a
thousand times is one span and every message is answered once; the numbers in a set decide about no
allocation.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Final, TypeAlias

from thurn_wire.imap.sequence import SequenceSet
from thurn_wire.imap.sequence import spans as runs

BLOCK: Final = 512
"""MODSEQs compared at once; in the usual block nothing is new, as `max` shows at the speed of C."""

Span: TypeAlias = tuple[int, int]
"""The first position, and the position behind the last."""


def spans_of_numbers(sequence: SequenceSet, count: int) -> list[Span]:
    """The spans of a set of message sequence numbers in a mailbox of `count` messages.

    Raises:
        ValueError: a number has no message; in an empty mailbox, `*` has none either.

    RFC 9051 §9 (seq-number): such a command gets BAD.
    """
    if sequence.largest > count or not count:
        raise ValueError("no message has this number")
    return [(low - 1, high) for low, high in sequence.resolve(count)]


def spans_of_existing(sequence: SequenceSet, count: int) -> list[Span]:
    """The spans of those of a set's message sequence numbers that exist in a mailbox of `count`."""
    if not count:
        return []
    return [(low - 1, min(high, count)) for low, high in sequence.resolve(count) if low <= count]


def spans_of_uids(sequence: SequenceSet, uids: array[int]) -> list[Span]:
    """The spans of a set of UIDs; UIDs without a message are passed over. RFC 9051 §6.4.9."""
    if not uids:
        return []
    spans: list[Span] = []
    for low, high in sequence.resolve(uids[-1]):
        first, end = bisect_left(uids, low), bisect_right(uids, high)
        if spans and spans[-1][1] == first:
            spans[-1] = (spans[-1][0], end)
        elif first < end:
            spans.append((first, end))
    return spans


def spans_of_listed(listed: array[int], uids: array[int]) -> list[Span]:
    """The spans of ascending UIDs that are listed one by one; those without a message are passed
    over."""
    spans: list[Span] = []
    for uid in listed:
        at = bisect_left(uids, uid)
        if at == len(uids) or uids[at] != uid:
            continue
        if spans and spans[-1][1] == at:
            spans[-1] = (spans[-1][0], at + 1)
        else:
            spans.append((at, at + 1))
    return spans


def uids_at(spans: list[Span], uids: array[int]) -> array[int]:
    """The UIDs at the spans' positions, ascending."""
    if len(spans) == 1:
        return uids[spans[0][0] : spans[0][1]]
    chosen = array("I")
    for low, high in spans:
        chosen += uids[low:high]
    return chosen


def present(uids: array[int], existing: array[int]) -> array[int]:
    """Those of ascending UIDs that exist; `existing` ascends too."""
    if uids:
        low = bisect_left(existing, uids[0])
        if existing[low : low + len(uids)] == uids:  # the usual case, at the speed of C
            return uids
    wanted = set(existing)
    return array("I", [uid for uid in uids if uid in wanted])


def spans_at(ascending: Iterable[int]) -> list[Span]:
    """The spans of ascending positions."""
    return [(low, high + 1) for low, high in runs(ascending)]


def positions_above(spans: Iterable[Span], modseqs: array[int], modseq: int) -> list[int]:
    """Those of the spans' positions that have a higher MODSEQ, ascending. RFC 7162 §3.1.4.1."""
    above: list[int] = []
    for low, high in spans:
        for start in range(low, high, BLOCK):
            block = modseqs[start : min(start + BLOCK, high)]
            if max(block) > modseq:
                above += [at for at, one in enumerate(block, start) if one > modseq]
    return above
