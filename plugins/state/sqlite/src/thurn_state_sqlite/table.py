"""A table: each call is one statement or one short transaction, so that it is atomic.

Keys are stored as UTF-8 octets, which sort as their code points do. A row whose deadline has passed
is absent for every call; the sweeper removes it later.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import apsw
from thurn.plugin import TableRow

from thurn_state_sqlite.database import Database, writing

KEY_OCTETS: Final = 512
"""Length of a key in octets; see `thurn.contracts.state.Table`."""
VALUE_OCTETS: Final = 65_536
"""Length of a value in octets; see `thurn.contracts.state.Table`."""

_COUNTER: Final = re.compile(rb"-?[0-9]{1,18}")
"""A stored counter. 18 digits are below 2**63, and int() reads them quickly."""

_LIVING: Final = "(deadline IS NULL OR deadline > ?)"
_GET: Final = f"SELECT value FROM entry WHERE tab = ? AND key = ? AND {_LIVING}"  # noqa: S608
_PUT: Final = "INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?)"
_ADD: Final = """
INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
SET value = excluded.value, deadline = excluded.deadline, lifetime = excluded.lifetime,
    wall_deadline = excluded.wall_deadline
WHERE deadline <= ? RETURNING 1
"""
_COUNT: Final = "UPDATE entry SET value = ? WHERE tab = ? AND key = ?"
_TAKE: Final = "DELETE FROM entry WHERE tab = ? AND key = ? RETURNING value, deadline"
_ENTRIES: Final = f"""
SELECT key, value, deadline FROM entry
WHERE tab = ? AND key > ? AND key >= ? AND key < ? AND {_LIVING} ORDER BY key LIMIT ?
"""  # noqa: S608
_AFTER_ALL: Final = b"\xff"
"""An octet that is larger than every octet of UTF-8; a prefix with it sorts after all its keys."""

Ends: TypeAlias = tuple[float | None, float | None, float | None]
"""The deadline, the lifetime, and the deadline on the wall clock; None for a row without end."""
_NEVER: Final[Ends] = (None, None, None)


class SqliteTable:
    """One table; see `thurn.contracts.state.Table`."""

    def __init__(self, database: Database, name: str) -> None:
        self._run = database.run
        self._clock = database.clock
        self._name = name

    async def get(self, key: str) -> bytes | None:
        """The value, or None."""
        octets = _key(key)

        def work(connection: apsw.Connection) -> bytes | None:
            now = self._clock.monotonic()
            rows = _rows(connection, _GET, (self._name, octets, now))
            value: bytes | None = rows[0][0] if rows else None
            return value

        return await self._run(work)

    async def put(self, key: str, value: bytes, *, lifetime_seconds: float | None = None) -> None:
        """Set value and lifetime.

        Raises:
            ValueError: key, value or lifetime is out of bounds.
        """
        row = self._row(key, value, lifetime_seconds)

        def work(connection: apsw.Connection) -> None:
            connection.execute(_PUT, row())

        await self._run(work)

    async def add(self, key: str, value: bytes, *, lifetime_seconds: float | None = None) -> bool:
        """Set the value only if the key is absent; False if it is present."""
        row = self._row(key, value, lifetime_seconds)

        def work(connection: apsw.Connection) -> bool:
            return bool(_rows(connection, _ADD, (*row(), self._clock.monotonic())))

        return await self._run(work)

    async def increment(
        self, key: str, by: int = 1, *, lifetime_seconds: float | None = None
    ) -> int:
        """Add to a counter and return the sum.

        Raises:
            ValueError: the value is not a counter, or the sum has more than 18 digits.
        """
        octets, fresh = _key(key), self._row(key, b"", lifetime_seconds)

        def work(connection: apsw.Connection) -> int:
            with writing(connection):
                now = self._clock.monotonic()
                rows = _rows(connection, _GET, (self._name, octets, now))
                total = (_number(rows[0][0]) if rows else 0) + by
                value = _counter(total)
                if rows:
                    connection.execute(_COUNT, (value, self._name, octets))
                else:
                    name, stored, _, *ends = fresh()
                    connection.execute(_PUT, (name, stored, value, *ends))
                return total

        return await self._run(work)

    async def take(self, key: str) -> bytes | None:
        """Get and delete in one step."""
        octets = _key(key)

        def work(connection: apsw.Connection) -> bytes | None:
            rows = _rows(connection, _TAKE, (self._name, octets))
            if not rows:
                return None
            value: bytes = rows[0][0]
            deadline: float | None = rows[0][1]
            has_ended = deadline is not None and deadline <= self._clock.monotonic()
            return None if has_ended else value

        return await self._run(work)

    async def delete(self, key: str) -> bool:
        """Delete the row; False if it was absent."""
        return await self.take(key) is not None

    async def entries(
        self, prefix: str = "", *, after: str = "", limit: int = 1000
    ) -> Sequence[TableRow]:
        """Rows in key order whose key starts with `prefix` and sorts after `after`."""
        start = prefix.encode()
        bounds = (self._name, after.encode(), start, start + _AFTER_ALL)

        def work(connection: apsw.Connection) -> list[TableRow]:
            now = self._clock.monotonic()
            rows = _rows(connection, _ENTRIES, (*bounds, now, max(limit, 0)))
            return [
                TableRow(key.decode(), value, None if deadline is None else deadline - now)
                for key, value, deadline in rows
            ]

        return await self._run(work)

    def _row(
        self, key: str, value: bytes, lifetime_seconds: float | None
    ) -> Callable[[], tuple[str, bytes, bytes, float | None, float | None, float | None]]:
        """A function that makes the stored row, with deadlines from the moment of its call."""
        octets = _key(key)
        if len(value) > VALUE_OCTETS:
            raise ValueError(f"a value has at most {VALUE_OCTETS} octets")
        if lifetime_seconds is not None and not lifetime_seconds >= 0:  # NaN included
            raise ValueError("a lifetime must not be negative")
        return lambda: (self._name, octets, value, *self._ends(lifetime_seconds))

    def _ends(self, lifetime_seconds: float | None) -> Ends:
        if lifetime_seconds is None:
            return _NEVER
        clock = self._clock
        deadline = clock.monotonic() + lifetime_seconds
        return deadline, lifetime_seconds, clock.wall() + lifetime_seconds


def _rows(
    connection: apsw.Connection, statement: str, bindings: tuple[str | bytes | float | None, ...]
) -> list[Any]:
    return connection.execute(statement, bindings).fetchall()


def _key(key: str) -> bytes:
    """The octets of a key; raises ValueError if it is empty, too long, or has a lone surrogate."""
    octets = key.encode()
    if not 0 < len(octets) <= KEY_OCTETS:
        raise ValueError(f"a key has 1 to {KEY_OCTETS} octets")
    return octets


def _number(value: bytes) -> int:
    if _COUNTER.fullmatch(value) is None:
        raise ValueError("the value is not a counter")
    return int(value)


def _counter(total: int) -> bytes:
    value = b"%d" % total
    if _COUNTER.fullmatch(value) is None:
        raise ValueError("the counter is too large")
    return value
