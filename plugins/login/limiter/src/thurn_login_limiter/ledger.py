"""Failures, bans and known addresses, in tables that all workers share.

Rules of this file:
1. Every row has a lifetime. The first failure opens a window, and all failures count until it
   ends; a ban ends by itself; an earlier ban makes the next one longer for a while.
2. Each step is one atomic call. The worker that counts the last allowed failure places the ban; if
   two workers do so at the same time, there is one ban.
3. Placing a ban deletes the failures that led to it.
4. The same wrong password for the same name from the same address counts once within a window: a
   client with an old password tries it by each mechanism, and again every few minutes. A guesser
   learns nothing from a repetition.
5. Bans of addresses double; the ban of an account at a known address does not, since the owner
   is probably the one who fails there.
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
"""Length in octets of the key with which names are hashed: too long to be guessed."""
PAGE: Final = 500
"""Rows that one call of the table returns."""
ROWS_READ: Final = 10_000
"""Rows that a listing or a release reads, so that a command ends soon."""
DOUBLINGS: Final = 40
"""Most doublings of a ban; `ban_longest` is reached earlier."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The failures that count now, and whether a ban is in force."""

    failures: int
    banned: bool

    @property
    def clean(self) -> bool:
        """Whether there are neither failures nor a ban."""
        return not self.failures and not self.banned


@dataclass(frozen=True, slots=True)
class Ban:
    """A ban in force.

    Attributes:
        subject: an address or an IPv6 network.
        account: the name of the only account that is banned at `subject`; empty if the ban is for
            everybody there.
        since: POSIX seconds.
        failures: how many led to the ban.
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
        """The most failures of any of the subjects, and whether any of them is banned."""
        failures, banned = 0, False
        for subject in subjects:
            failures = max(failures, _number(await self._failures.get(subject)))
            banned = banned or await self._bans.get(subject) is not None
        return Standing(failures, banned)

    async def is_new(self, pair: str, guess: bytes | None) -> bool:
        """Whether a failure counts: this guess was not yet seen for the pair within the window.

        A guess of None (a mechanism that does not show the password) is always new.
        """
        if guess is None:
            return True
        key = f"{pair}|{guess.hex()}"
        return await self._guesses.add(key, b"", lifetime_seconds=self.settings.window)

    async def count_failure(self, subject: str) -> None:
        """Count a failure of an address or network, and ban it if it has too many."""
        settings = self.settings
        limit = settings.failures_network if is_network(subject) else settings.failures
        count = await self._count(subject)
        if count < limit:
            return
        level = min(_number(await self._levels.get(subject)), DOUBLINGS)
        seconds = min(settings.ban * 2**level, settings.ban_longest)
        if await self._ban(subject, "", count, seconds):
            await self._levels.increment(subject, lifetime_seconds=settings.ban_memory)

    async def count_pair_failure(self, pair: str, name: str) -> None:
        """Count a failure of an account at a known address, and ban the pair if it has too many.

        Args:
            pair: the key, see `pair_of`.
            name: the name as typed, for listings.
        """
        count = await self._count(pair)
        if count >= self.settings.failures:
            await self._ban(pair, name, count, self.settings.ban)

    async def clear(self, subject: str) -> None:
        """Delete the failures of a subject or a pair."""
        if await self._failures.get(subject) is not None:
            await self._failures.delete(subject)

    async def is_known(self, pair: str) -> bool:
        """Whether the account has logged in from the address lately."""
        return await self._known.get(pair) is not None

    async def make_known(self, pair: str) -> None:
        """Remember for the setting `known` that the account has logged in from the address."""
        await self._known.put(pair, b"", lifetime_seconds=self.settings.known)

    async def bans(self) -> list[Ban]:
        """The bans in force, in order of their subjects; at most about `ROWS_READ`."""
        bans: list[Ban] = []
        after = ""
        while len(bans) < ROWS_READ:
            page = await self._bans.entries(after=after, limit=PAGE)
            for row in page:
                value = json.loads(row.value)
                subject = row.key.partition("|")[0]
                remaining = row.remaining_seconds or 0.0
                bans.append(
                    Ban(subject, value["name"], value["since"], remaining, value["failures"])
                )
            if len(page) < PAGE:
                break
            after = page[-1].key
        return bans

    async def release(self, address: str) -> int:
        """End the bans of an address, of its /64, and of accounts there; forget its failures.

        Returns:
            How many bans were in force.

        Raises:
            ValueError: `address` is neither an IP address nor an IPv6 /64.
        """
        ended = 0
        for subject in _released(address):
            pairs = await self._bans.entries(f"{subject}|", limit=ROWS_READ)
            for key in (subject, *(row.key for row in pairs)):
                ended += await self._bans.delete(key)
            await self._failures.delete(subject)
            for table in (self._failures, self._guesses):
                for row in await table.entries(f"{subject}|", limit=ROWS_READ):
                    await table.delete(row.key)
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
    """The key of an account at an address or network; `name` is the account's `name_key`."""
    return f"{address}|{name}"


async def table_key(context: Context) -> bytes:
    """The key with which names are hashed in these tables; the first worker that asks makes it."""
    table = _table(context, "key")
    await table.add("key", secrets.token_bytes(KEY_OCTETS))
    return await table.get("key") or b""


def _table(context: Context, name: str) -> Table:
    return context.state.table(f"{context.name}.{name}")


def _number(value: bytes | None) -> int:
    return int(value) if value is not None and len(value) < 19 else 0


def _released(text: str) -> tuple[str, ...]:
    """The subjects that an operator's text names: an address with its /64, or a /64."""
    before_slash, slash, bits = text.strip().partition("/")
    address = exact(ip_address(before_slash))
    if not isinstance(address, IPv6Address):
        if slash and bits != "32":
            raise ValueError(f"{text}: name single IPv4 addresses; IPv4 networks are never banned")
        return (str(address),)
    network = network_of(address)
    if slash and bits != "128":
        if text.strip() != str(network):
            raise ValueError(f"{text}: name an address or its whole /64, such as {network}")
        return (str(network),)
    return str(address), str(network)
