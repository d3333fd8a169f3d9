"""The last outcomes per account and per address, for people.

Rules of this file: a ring per account name and one per address, of a few rows with lifetimes; a
name that failed is shortened unless the address is known for it (people type passwords there);
logins that repeat within minutes (clients that poll) are noted once per worker, and failures up to
a bound per hour, so that an attack from everywhere does not fill the disk.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from thurn.plugin import Context, Table, TableRow

from thurn_login_limiter.settings import LimiterSettings
from thurn_login_limiter.subject import name_key

REPEATED_SECONDS: Final = 300.0
"""Within which an equal login is not noted again."""
REMEMBERED: Final = 10_000
"""Logins that a worker remembers for that; a megabyte or two."""
FAILURES_PER_HOUR: Final = 1_000
"""Noted in the whole site; more show nothing new. Two weeks of them take some 200 MB."""
PAGE: Final = 1_000
ROWS_READ: Final = 100_000
"""By a command that asks for everything, at most."""
TEXT_CHARACTERS: Final = 64
"""Of a name, a mechanism, a protocol, as kept."""


@dataclass(frozen=True, slots=True)
class LoginEntry:
    """How one login ended.

    Attributes:
        time: POSIX seconds.
        outcome: "success", "failure", or "banned": right, but refused.
        name: as typed; shortened where it failed.
        account: who it was; empty where it failed.
        address: "local" for a unix socket.
    """

    time: float
    outcome: str
    name: str
    account: str
    address: str
    protocol: str
    mechanism: str


class History:
    """The rings of one limiter instance."""

    def __init__(self, settings: LimiterSettings, context: Context, key: bytes) -> None:
        self._settings = settings
        self._clock = context.clock
        self._key = key
        self._rows: Table = context.state.table(f"{context.name}.history")
        self._places: Table = context.state.table(f"{context.name}.history.places")
        self._recent: OrderedDict[tuple[str, ...], float] = OrderedDict()

    async def note(self, outcome: LoginEntry, name: str) -> None:
        """Put it into the rings of its address, its name and its account."""
        if not self._settings.history or self._repeated(outcome):
            return
        if outcome.outcome != "success" and await self._too_many():
            return
        rings = [f"a|{outcome.address}|", self._ring(name)]
        if outcome.account:
            rings.append(self._ring(outcome.account))
        value = json.dumps(asdict(outcome)).encode()
        lifetime = self._settings.history_lifetime
        for ring in dict.fromkeys(rings):
            number = await self._places.increment(ring, lifetime_seconds=lifetime)
            place = f"{ring}{number % self._settings.history:03}"
            await self._rows.put(place, value, lifetime_seconds=lifetime)

    async def of_name(self, name: str) -> list[LoginEntry]:
        """The last outcomes of a name, oldest first."""
        return _outcomes(await self._rows.entries(self._ring(name)))

    async def of_address(self, address: str) -> list[LoginEntry]:
        """The last outcomes of an address, oldest first."""
        return _outcomes(await self._rows.entries(f"a|{address}|"))

    async def all(self) -> list[LoginEntry]:
        """Those of all addresses, oldest first; reads the whole table."""
        found: list[LoginEntry] = []
        after = ""
        while len(found) < ROWS_READ:
            page = await self._rows.entries("a|", after=after, limit=PAGE)
            found += _outcomes(page)
            if len(page) < PAGE:
                break
            after = page[-1].key
        return sorted(found, key=_time)

    async def _too_many(self) -> bool:
        count = await self._places.increment("failures", lifetime_seconds=3_600.0)
        return count > FAILURES_PER_HOUR

    def _ring(self, name: str) -> str:
        return f"n|{name_key(name, self._key)}|"

    def _repeated(self, outcome: LoginEntry) -> bool:
        if outcome.outcome != "success":
            return False
        key = (outcome.account, outcome.name, outcome.address, outcome.protocol)
        now = self._clock.monotonic()
        last = self._recent.get(key)
        if last is not None and now - last < REPEATED_SECONDS:
            return True
        self._recent[key] = now
        self._recent.move_to_end(key)
        if len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)
        return False


def _outcomes(entries: Sequence[TableRow]) -> list[LoginEntry]:
    found = [LoginEntry(**json.loads(entry.value)) for entry in entries]
    return sorted(found, key=_time)


def _time(outcome: LoginEntry) -> float:
    return outcome.time
