"""The last logins of each account and each address, for people to read.

Rules of this file:
1. There is a ring for each account name and one for each address; a ring has a few rows, each with
   a lifetime.
2. The name of a failed login is shortened unless the address is known for it, since people
   sometimes type their password where the name belongs.
3. A login that repeats within minutes (clients that poll) is noted once per worker. Failures are
   noted up to a bound per hour, so that an attack from many addresses does not fill the disk.
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
"""How long a worker does not note an equal successful login again, in seconds."""
REMEMBERED: Final = 10_000
"""Logins that a worker remembers in order to leave out repeated ones; about two megabytes."""
FAILURES_PER_HOUR: Final = 1_000
"""Failures that the whole site notes in an hour; more would show nothing new. Two weeks of them
take about 200 MB."""
PAGE: Final = 1_000
"""Rows that one call of the table returns."""
ROWS_READ: Final = 100_000
"""Rows after which a command that asks for the whole history stops reading."""
TEXT_CHARACTERS: Final = 64
"""Length in characters to which a name, a mechanism and a protocol are cut before they are kept."""


@dataclass(frozen=True, slots=True)
class LoginEntry:
    """How one login ended.

    Attributes:
        time: POSIX seconds.
        outcome: "success", "failure", or "banned" (the credentials were right, but a ban was in
            force).
        name: as typed; shortened for a failure, unless the address is known for it.
        account: the account's id; empty for a failure.
        address: the peer's IP address; "local" for a unix socket.
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

    async def note(self, entry: LoginEntry, name: str) -> None:
        """Put a login into the rings of its address, its name and its account.

        Args:
            entry: what is kept.
            name: the name as typed, not shortened; its keyed hash names the ring.
        """
        if not self._settings.history or self._repeated(entry):
            return
        if entry.outcome != "success" and await self._too_many():
            return
        rings = [f"a|{entry.address}|", self._ring(name)]
        if entry.account:
            rings.append(self._ring(entry.account))
        value = json.dumps(asdict(entry)).encode()
        lifetime = self._settings.history_lifetime
        for ring in dict.fromkeys(rings):
            number = await self._places.increment(ring, lifetime_seconds=lifetime)
            place = f"{ring}{number % self._settings.history:03}"
            await self._rows.put(place, value, lifetime_seconds=lifetime)

    async def of_name(self, name: str) -> list[LoginEntry]:
        """The last logins with a name, oldest first."""
        return _entries(await self._rows.entries(self._ring(name)))

    async def of_address(self, address: str) -> list[LoginEntry]:
        """The last logins from an address, oldest first."""
        return _entries(await self._rows.entries(f"a|{address}|"))

    async def all(self) -> list[LoginEntry]:
        """The last logins from all addresses, oldest first; reads at most `ROWS_READ` rows."""
        entries: list[LoginEntry] = []
        after = ""
        while len(entries) < ROWS_READ:
            page = await self._rows.entries("a|", after=after, limit=PAGE)
            entries += _entries(page)
            if len(page) < PAGE:
                break
            after = page[-1].key
        return sorted(entries, key=_time)

    async def _too_many(self) -> bool:
        count = await self._places.increment("failures", lifetime_seconds=3_600.0)
        return count > FAILURES_PER_HOUR

    def _ring(self, name: str) -> str:
        return f"n|{name_key(name, self._key)}|"

    def _repeated(self, entry: LoginEntry) -> bool:
        if entry.outcome != "success":
            return False
        key = (entry.account, entry.name, entry.address, entry.protocol)
        now = self._clock.monotonic()
        last = self._recent.get(key)
        if last is not None and now - last < REPEATED_SECONDS:
            return True
        self._recent[key] = now
        self._recent.move_to_end(key)
        if len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)
        return False


def _entries(rows: Sequence[TableRow]) -> list[LoginEntry]:
    return sorted((LoginEntry(**json.loads(row.value)) for row in rows), key=_time)


def _time(entry: LoginEntry) -> float:
    return entry.time
