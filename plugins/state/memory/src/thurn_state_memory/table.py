"""A table in a dictionary.

Rules of this file:
1. Each call does its work between two checkpoints of trio, so that it is atomic.
2. A row whose deadline has passed is absent. It is removed by the next call for its key, or by a
   sweep. A sweep runs after as many writes as there are rows, so that its cost per write is
   constant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import trio
from thurn.plugin import Clock, TableRow

KEY_OCTETS: Final = 512
"""Length of a key in octets; see `thurn.contracts.state.Table`."""
VALUE_OCTETS: Final = 65_536
"""Length of a value in octets; see `thurn.contracts.state.Table`."""
SWEEP_WRITES: Final = 1_000
"""Fewest writes between two sweeps; sweeping a small table more often gains nothing."""

_COUNTER: Final = re.compile(rb"-?[0-9]{1,18}")
"""A stored counter. 18 digits are below 2**63, and int() reads them quickly."""


@dataclass(slots=True)
class Row:
    """A value, and the monotonic time at which it ends (None for never)."""

    value: bytes
    deadline: float | None


class TableRows(dict[str, Row]):
    """The rows of one table by key, and the number of writes since the last sweep."""

    writes = 0


class MemoryTable:
    """One table; see `thurn.contracts.state.Table`."""

    def __init__(self, rows: TableRows, clock: Clock) -> None:
        self._rows = rows
        self._now = clock.monotonic

    async def get(self, key: str) -> bytes | None:
        """The value, or None."""
        _check_key(key)
        await trio.lowlevel.checkpoint()
        row = self._living(key)
        return None if row is None else row.value

    async def put(self, key: str, value: bytes, *, lifetime_seconds: float | None = None) -> None:
        """Set value and lifetime.

        Raises:
            ValueError: key, value or lifetime is out of bounds.

        Cancellation: nothing was put.
        """
        _check_key(key)
        row = self._new_row(value, lifetime_seconds)
        await trio.lowlevel.checkpoint()
        self._write(key, row)

    async def add(self, key: str, value: bytes, *, lifetime_seconds: float | None = None) -> bool:
        """Set the value only if the key is absent; False if it is present."""
        _check_key(key)
        row = self._new_row(value, lifetime_seconds)
        await trio.lowlevel.checkpoint()
        if self._living(key) is not None:
            return False
        self._write(key, row)
        return True

    async def increment(
        self, key: str, by: int = 1, *, lifetime_seconds: float | None = None
    ) -> int:
        """Add to a counter and return the sum.

        Raises:
            ValueError: the value is not a counter, or the sum has more than 18 digits.
        """
        _check_key(key)
        fresh = self._new_row(b"0", lifetime_seconds)
        await trio.lowlevel.checkpoint()
        row = self._living(key) or fresh
        if _COUNTER.fullmatch(row.value) is None:
            raise ValueError("the value is not a counter")
        total = int(row.value) + by
        value = b"%d" % total
        if _COUNTER.fullmatch(value) is None:
            raise ValueError("the counter is too large")
        self._write(key, Row(value, row.deadline))
        return total

    async def take(self, key: str) -> bytes | None:
        """Get and delete in one step."""
        _check_key(key)
        await trio.lowlevel.checkpoint()
        row = self._living(key)
        if row is None:
            return None
        del self._rows[key]
        return row.value

    async def delete(self, key: str) -> bool:
        """Delete the row; False if it was absent."""
        return await self.take(key) is not None

    async def entries(
        self, prefix: str = "", *, after: str = "", limit: int = 1000
    ) -> Sequence[TableRow]:
        """Rows in key order whose key starts with `prefix` and sorts after `after`."""
        await trio.lowlevel.checkpoint()
        now = self._now()
        keys = sorted(key for key in self._rows if key > after and key.startswith(prefix))
        living = (key for key in keys if not _has_ended(self._rows[key], now))
        return [self._entry(key, now) for key in islice(living, max(limit, 0))]

    def _entry(self, key: str, now: float) -> TableRow:
        row = self._rows[key]
        return TableRow(key, row.value, None if row.deadline is None else row.deadline - now)

    def _living(self, key: str) -> Row | None:
        row = self._rows.get(key)
        if row is not None and _has_ended(row, self._now()):
            del self._rows[key]
            return None
        return row

    def _new_row(self, value: bytes, lifetime_seconds: float | None) -> Row:
        if len(value) > VALUE_OCTETS:
            raise ValueError(f"a value has at most {VALUE_OCTETS} octets")
        if lifetime_seconds is None:
            return Row(value, None)
        if not lifetime_seconds >= 0:  # NaN included
            raise ValueError("a lifetime must not be negative")
        return Row(value, self._now() + lifetime_seconds)

    def _write(self, key: str, row: Row) -> None:
        self._rows[key] = row
        self._rows.writes += 1
        if self._rows.writes >= max(SWEEP_WRITES, len(self._rows)):
            self._sweep()

    def _sweep(self) -> None:
        self._rows.writes = 0
        now = self._now()
        for key in [key for key, row in self._rows.items() if _has_ended(row, now)]:
            del self._rows[key]


def _has_ended(row: Row, now: float) -> bool:
    return row.deadline is not None and row.deadline <= now


def _check_key(key: str) -> None:
    """Raise ValueError if the key is empty, too long, or has a lone surrogate."""
    if not 0 < len(key.encode()) <= KEY_OCTETS:
        raise ValueError(f"a key has 1 to {KEY_OCTETS} octets")
