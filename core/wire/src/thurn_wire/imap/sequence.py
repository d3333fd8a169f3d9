"""Sequence sets: which messages a command is about. RFC 9051 §9 (sequence-set).

Rules of this file: a set keeps its ranges as they were written. What they mean depends on the
largest number in the mailbox; `resolve` computes it in time proportional to the ranges, not to the
numbers that they span.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

Range: TypeAlias = tuple[int | None, int | None]
"""Both ends, inclusive, in either order; None is `*`, the largest number in use."""


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """Numbers or UIDs, as written.

    Attributes:
        ranges: at least one, unless the set has a name.
        name: the name of a set that the server keeps, such as "$"; "" if the set is written out.
    """

    ranges: tuple[Range, ...]
    name: str = ""

    def resolve(self, largest: int) -> list[tuple[int, int]]:
        """The ranges with `*` replaced: ascending, each with ordered ends, none touching another.

        Args:
            largest: the number that `*` stands for; 0 for an empty mailbox, in which `*` alone is
                no message.
        """
        ordered: list[tuple[int, int]] = []
        for first, last in self.ranges:
            low = largest if first is None else first
            high = largest if last is None else last
            ordered.append((low, high) if low <= high else (high, low))
        # One range with ordered ends that begins above 0 needs no merging.
        return ordered if len(ordered) == 1 and ordered[0][0] > 0 else merge(ordered)

    @property
    def largest(self) -> int:
        """The largest number that is written out; 0 if only `*` is."""
        return max((end for ends in self.ranges for end in ends if end is not None), default=0)


SAVED: Final = SequenceSet((), "$")
"""The result of the last SEARCH with RETURN (SAVE). RFC 5182 §2.1."""


def merge(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges with ordered ends, merged: ascending, none touching another, without zeros."""
    merged: list[tuple[int, int]] = []
    start, end = 0, -1
    for low, high in sorted(ranges):
        if high < 1:
            continue
        if end >= 0 and low <= end + 1:
            end = max(end, high)
        else:
            if end >= 0:
                merged.append((start, end))
            start, end = max(low, 1), high
    if end >= 0:
        merged.append((start, end))
    return merged


def spans(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """The ranges of ascending numbers."""
    ranges: list[tuple[int, int]] = []
    start = previous = -1
    for number in numbers:
        if number != previous + 1 or previous < 0:
            if previous >= 0:
                ranges.append((start, previous))
            start = number
        previous = number
    if previous >= 0:
        ranges.append((start, previous))
    return ranges


def sequence_set(numbers: Iterable[int]) -> bytes:
    """The shortest sequence set of ascending numbers; b"" without numbers. RFC 9051 §9."""
    return b",".join(
        [b"%d" % low if low == high else b"%d:%d" % (low, high) for low, high in spans(numbers)]
    )
