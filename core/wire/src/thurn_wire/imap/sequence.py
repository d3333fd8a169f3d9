"""Sequence sets: which messages a command means. RFC 9051 §9 (sequence-set).

Rules of this file: a set keeps its ranges as they were written; what they mean depends on the
largest number in the mailbox, and is worked out by `resolve` in time of the ranges, never of the
numbers that they span.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

Range: TypeAlias = tuple[int | None, int | None]
"""Both ends, included, in either order; None is `*`, the largest number in use."""


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """Numbers or UIDs, as written.

    Attributes:
        ranges: at least one, unless the set has a name.
        name: the word for a set that the server keeps, such as "$"; "" for one that is written out.
    """

    ranges: tuple[Range, ...]
    name: str = ""

    def resolve(self, largest: int) -> list[tuple[int, int]]:
        """The ranges with `*` put in: ordered ends, ascending, none touching another.

        Args:
            largest: what `*` stands for; 0 for an empty mailbox: then `*` alone names nothing.
        """
        found: list[tuple[int, int]] = []
        for first, last in self.ranges:
            low = largest if first is None else first
            high = largest if last is None else last
            found.append((low, high) if low <= high else (high, low))
        # One range of ordered ends that begins above 0 is as it should be.
        return found if len(found) == 1 and found[0][0] > 0 else merge(found)

    @property
    def largest(self) -> int:
        """The largest number that is written out; 0 if there is none."""
        return max((end for ends in self.ranges for end in ends if end is not None), default=0)


SAVED: Final = SequenceSet((), "$")
"""The result of the last SEARCH with RETURN (SAVE). RFC 5182 §2.1."""


def merge(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ascending ranges, none touching another, of any with ordered ends; zeros are left out."""
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
    found: list[tuple[int, int]] = []
    start = previous = -1
    for number in numbers:
        if number != previous + 1 or previous < 0:
            if previous >= 0:
                found.append((start, previous))
            start = number
        previous = number
    if previous >= 0:
        found.append((start, previous))
    return found


def sequence_set(numbers: Iterable[int]) -> bytes:
    """The shortest sequence set of ascending numbers; b"" of none. RFC 9051 §9."""
    return b",".join(
        [b"%d" % low if low == high else b"%d:%d" % (low, high) for low, high in spans(numbers)]
    )
