"""Columns of flags changed as a whole, at the speed of a copy.

A change clears bits and sets bits, so each octet of a mask becomes what a table of 256 octets says
of it, whatever the other octets are. A column is eight planes of octets, and only those planes that
the change touches are looked at.

Rules of this file: it knows nothing of mailboxes; `clear` and `wanted` are the bits that
`operation.kind.Flagged` calls `clear` and `set`.
"""

from __future__ import annotations

import re
import sys
from array import array
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

_PLANES: Final = tuple(range(8)) if sys.byteorder == "little" else tuple(range(7, -1, -1))
"""Where in an item the octets are, the lowest first."""
_RUN: Final = re.compile(b"\1++")
_TABLES: Final = 256
"""Tables that are remembered, 256 octets each; few pairs of octets are asked for."""


@lru_cache(_TABLES)
def _table(clear: int, wanted: int) -> bytes:
    """For each octet what it becomes."""
    return bytes(octet & ~clear & 255 | wanted for octet in range(256))


@lru_cache(_TABLES)
def _changes(clear: int, wanted: int) -> bytes:
    """For each octet whether it becomes another: 1 or 0."""
    return bytes(octet & ~clear & 255 | wanted != octet for octet in range(256))


def _touched(clear: int, wanted: int) -> Iterator[tuple[int, int, int]]:
    """For each plane that may change: where it is, and its octets of `clear` and `wanted`."""
    for n, place in enumerate(_PLANES):
        cleared, made = clear >> 8 * n & 255, wanted >> 8 * n & 255
        if cleared or made:
            yield place, cleared, made


def changed_masks(masks: array[int], clear: int, wanted: int) -> array[int]:
    """The masks after the change."""
    octets = bytearray(masks.tobytes())
    for place, cleared, made in _touched(clear, wanted):
        octets[place::8] = octets[place::8].translate(_table(cleared, made))
    changed = array("Q")
    changed.frombytes(octets)
    return changed


def differing(masks: array[int], clear: int, wanted: int) -> bytes:
    """One octet for each mask: 1 where the change makes another mask of it, else 0."""
    octets = masks.tobytes()
    marked = 0
    for place, cleared, made in _touched(clear, wanted):
        plane = octets[place::8].translate(_changes(cleared, made))
        marked |= int.from_bytes(plane, "big")
    return marked.to_bytes(len(masks), "big")


def runs_of(marked: bytes) -> list[tuple[int, int]]:
    """Where runs of marks are, first and end of each."""
    return [run.span() for run in _RUN.finditer(marked)]


def with_bit(masks: array[int], bit: int) -> int:
    """How many masks have one of the lowest eight bits."""
    lowest = masks.tobytes()[_PLANES[0] :: 8]
    return len(masks) - len(lowest.translate(None, _having(bit)))


@lru_cache(8)
def _having(bit: int) -> bytes:
    return bytes(octet for octet in range(256) if octet & bit)
