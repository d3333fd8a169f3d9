"""Failures, bans, and which address is known for which account; in tables that all workers share.

Rules of this file:
1. Every row has a lifetime. A failure counts until the window that the first one opened has ended;
   a ban ends by itself; an earlier ban makes the next one longer for a while.
2. Each step is one atomic call; whichever worker counts the last failure places the ban, and two
   that do so at once place one.
3. A ban forgets the failures that led to it.
4. The same wrong password of the same name from the same address counts once within a window: a
   client with an old one tries it by each mechanism, and again every few minutes. Its repetition
   tells a guesser nothing.
5. Bans of addresses double; the ban of an account at a known address does not, since its owner
   sits there.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

from thurn.plugin import Context, Table
from thurn_kit.sources import exact

from thurn_login_limiter.settings import LimiterSettings
from thurn_login_limiter.subject import is_network, network_of

KEY_OCTETS: Final = 32
PAGE: Final = 500
BANS_SHOWN: Final = 10_000
"""Rows that a listing reads at most."""
DOUBLINGS: Final = 40
"""Of a ban at most; the longest ban comes long before."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a subject stands now."""

    failures: int
    banned: bool

    @property
    def clean(self) -> bool:
        """Nothing to see."""
        return not self.failures and not self.banned


@dataclass(frozen=True, slots=True)
class Ban:
    """A ban in force.

    Attributes:
        subject: an address or an IPv6 network.
        account: the name at a known address, where the ban is for it alone.
        since: POSIX seconds.
    """

    subject: str
    account: str
    since: float
    remaining_seconds: float
    failures: int


class Ledger:
    """The tables of one limiter instance."""

    def __init__(self, settings: LimiterSettings, context: Context, key: bytes) -> None:
        self.settings = settings
        self.key = key
        self._context = context
        self._failures, self._bans, self._levels, self._known, self._guesses = (
            _table(context, name) for name in ("failures", "bans", "levels", "known", "guesses")
        )

    async def standing(self, subjects: Sequence[str]) -> Standing:
        """The worst of these."""
        failures, banned = 0, False
        for subject in subjects:
            found = await self._failures.get(subject)
            failures = max(failures, _number(found))
            banned = banned or await self._bans.get(subject) is not None
        return Standing(failures, banned)

    async def is_new(self, pair: str, guess: bytes | None) -> bool:
        """Whether it counts: nobody has seen this guess of this account at this address."""
        if guess is None:
            return True
        key = f"{pair}|{guess.hex()}"
        return await self._guesses.add(key, b"", lifetime_seconds=self.settings.window)

    async def fail(self, subject: str) -> None:
        """Count one, and ban where it is one too many."""
        settings = self.settings
        most = settings.failures_network if is_network(subject) else settings.failures
        count = await self._count(subject)
        if count < most:
            return
        level = min(_number(await self._levels.get(subject)), DOUBLINGS)
        seconds = min(settings.ban * 2**level, settings.ban_longest)
        if await self._ban(subject, "", count, seconds):
            await self._levels.increment(subject, lifetime_seconds=settings.ban_memory)

    async def fail_pair(self, pair: str, name: str) -> None:
        """The same for an account at a known address."""
        count = await self._count(pair)
        if count >= self.settings.failures:
            await self._ban(pair, name, count, self.settings.ban)

    async def clear(self, subject: str) -> None:
        """Forget its failures."""
        if await self._failures.get(subject) is not None:
            await self._failures.delete(subject)

    async def is_known(self, pair: str) -> bool:
        """Whether the account has logged in from the address lately."""
        return await self._known.get(pair) is not None

    async def know(self, pair: str) -> None:
        """It has, now."""
        await self._known.put(pair, b"", lifetime_seconds=self.settings.known)

    async def bans(self) -> list[Ban]:
        """All bans in force, in order of their subjects."""
        found: list[Ban] = []
        after = ""
        while len(found) < BANS_SHOWN:
            page = await self._bans.entries(after=after, limit=PAGE)
            for entry in page:
                row = json.loads(entry.value)
                subject = entry.key.partition("|")[0]
                remaining = entry.remaining_seconds or 0.0
                found.append(Ban(subject, row["name"], row["since"], remaining, row["failures"]))
            if len(page) < PAGE:
                break
            after = page[-1].key
        return found

    async def release(self, address: str) -> int:
        """End the bans of an address, of its /64, and of accounts there; forget its failures.

        Returns:
            How many bans were in force.

        Raises:
            ValueError: it is neither an address nor an IPv6 /64.
        """
        ended = 0
        for subject in _released(address):
            pairs = await self._bans.entries(f"{subject}|", limit=BANS_SHOWN)
            for key in (subject, *(entry.key for entry in pairs)):
                ended += await self._bans.delete(key)
            await self._failures.delete(subject)
            for table in (self._failures, self._guesses):
                for entry in await table.entries(f"{subject}|", limit=BANS_SHOWN):
                    await table.delete(entry.key)
            await self._levels.delete(subject)
        return ended

    async def _count(self, key: str) -> int:
        return await self._failures.increment(key, lifetime_seconds=self.settings.window)

    async def _ban(self, key: str, name: str, failures: int, seconds: float) -> bool:
        since = self._context.clock.wall()
        row = json.dumps({"name": name, "since": since, "failures": failures}).encode()
        if not await self._bans.add(key, row, lifetime_seconds=seconds):
            return False
        await self._failures.delete(key)
        subject = key.partition("|")[0]
        self._context.diagnostics.warning(
            "login.banned", peer=subject, account=name, failures=failures, duration_seconds=seconds
        )
        return True


def pair_of(address: str, name: str) -> str:
    """The key of an account at an address; `name` is its `name_key`."""
    return f"{address}|{name}"


async def table_key(context: Context) -> bytes:
    """The key of names in these tables; whoever asks first makes it."""
    table = _table(context, "key")
    await table.add("key", secrets.token_bytes(KEY_OCTETS))
    return await table.get("key") or b""


def _table(context: Context, name: str) -> Table:
    return context.state.table(f"{context.name}.{name}")


def _number(value: bytes | None) -> int:
    return int(value) if value is not None and len(value) < 19 else 0


def _released(text: str) -> tuple[str, ...]:
    """The subjects of what an operator names."""
    address, slash, bits = text.strip().partition("/")
    found = exact(ip_address(address))
    if not isinstance(found, IPv6Address):
        if slash and bits != "32":
            raise ValueError(f"{text}: bans are of addresses, not of IPv4 networks")
        return (str(found),)
    network = network_of(found)
    if slash and bits != "128":
        if text.strip() != str(network):
            raise ValueError(f"{text}: IPv6 networks are /64, such as {network}")
        return (str(network),)
    return str(found), str(network)
