"""Message numbers and UIDs as a client writes them, into positions in a view.

Rules of this file: a set becomes ascending, disjoint spans of positions, so that `1:*` said a
thousand times is one span and every message is answered once; nothing is allocated by the numbers
in the set.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Final, TypeAlias

from thurn_wire.imap.sequence import SequenceSet
from thurn_wire.imap.sequence import spans as runs

BLOCK: Final = 512
"""MODSEQs looked at together: the usual block has nothing new, which `max` sees at once."""

Span: TypeAlias = tuple[int, int]
"""Positions from the first up to, but not with, the second."""


def spans_of_numbers(sequence: SequenceSet, count: int) -> list[Span]:
    """The spans of a set of message sequence numbers among so many messages.

    Raises:
        ValueError: a number has no message, `*` in an empty mailbox neither.

    RFC 9051 §9 (seq-number): such a command gets BAD.
    """
    if sequence.largest > count or not count:
        raise ValueError("no message has this number")
    return [(low - 1, high) for low, high in sequence.resolve(count)]


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


def spans_of_saved(saved: array[int], uids: array[int]) -> list[Span]:
    """The spans of UIDs that a SEARCH has saved and that are still there. RFC 5182 §2.1."""
    spans: list[Span] = []
    for uid in saved:
        at = bisect_left(uids, uid)
        if at == len(uids) or uids[at] != uid:
            continue
        if spans and spans[-1][1] == at:
            spans[-1] = (spans[-1][0], at + 1)
        else:
            spans.append((at, at + 1))
    return spans


def positions(spans: Iterable[Span]) -> list[int]:
    """All positions, ascending."""
    found: list[int] = []
    for low, high in spans:
        found += range(low, high)
    return found


def uids_at(spans: list[Span], uids: array[int]) -> array[int]:
    """The UIDs at the spans' positions, ascending."""
    if len(spans) == 1:
        return uids[spans[0][0] : spans[0][1]]
    found = array("I")
    for low, high in spans:
        found += uids[low:high]
    return found


def present(uids: array[int], here: array[int]) -> array[int]:
    """Those of ascending UIDs that are among others, which ascend too."""
    if uids:
        low = bisect_left(here, uids[0])
        if here[low : low + len(uids)] == uids:  # the usual case, at the speed of C
            return uids
    there = set(here)
    return array("I", [uid for uid in uids if uid in there])


def spans_at(ascending: Iterable[int]) -> list[Span]:
    """The spans of ascending positions."""
    return [(low, high + 1) for low, high in runs(ascending)]


def positions_above(spans: Iterable[Span], modseqs: array[int], modseq: int) -> list[int]:
    """Of the spans' positions, those with a higher MODSEQ, ascending. RFC 7162 §3.1.4.1."""
    found: list[int] = []
    for low, high in spans:
        for start in range(low, high, BLOCK):
            block = modseqs[start : min(start + BLOCK, high)]
            if max(block) > modseq:
                found += [at for at, one in enumerate(block, start) if one > modseq]
    return found
