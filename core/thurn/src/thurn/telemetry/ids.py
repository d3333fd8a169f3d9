"""Identifiers of sessions and transactions: sortable by time, unique on the site.

An id has 8 characters of time (milliseconds), 4 of process and 3 of counter, in base 32 without
letters that are mistaken for digits; so the day of a transaction can be read from its id.

In one process ids only grow, whatever the clock does: idempotency keys are made of them, and a
store would take mail with an id that was used before for a repeat.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

_DIGITS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS: Final = tuple(a + b for a in _DIGITS for b in _DIGITS)
ID_LENGTH: Final = 15


def _encode(value: int, length: int) -> str:
    text = ""
    while len(text) < length:
        text = _PAIRS[value & 1023] + text
        value >>= 10
    return text[-length:]


class IdMaker:
    """Makes ids for one process; made after the fork."""

    __slots__ = ("_first", "_last", "_process", "_wall")

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._process = _encode(os.getpid(), 4)
        self._first = int.from_bytes(os.urandom(2), "big") & 0x3FFF  # counter of each millisecond
        self._last = 0

    def make(self) -> str:
        """A new id."""
        last = self._last = max(self._last + 1, int(self._wall() * 1000) << 15 | self._first)
        return _encode(last >> 15, 8) + self._process + _encode(last & 0x7FFF, 3)


def time_of(identifier: str) -> float | None:
    """The time in an id, in POSIX seconds; None if the text is not an id."""
    if len(identifier) != ID_LENGTH or any(c not in _DIGITS for c in identifier):
        return None
    milliseconds = 0
    for character in identifier[:8]:
        milliseconds = milliseconds * 32 + _DIGITS.index(character)
    # Forty bits of milliseconds turn over every 34 years; this is the turn that began in 2004.
    return (milliseconds + (1 << 40)) / 1000
