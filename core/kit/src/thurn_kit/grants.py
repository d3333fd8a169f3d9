"""The grant table: who may send to elsewhere, from where, to what, until when, and why.

    table = GrantTable(context.state, context.clock)
    await table.grant(peer, account=account, reason="POP3 login", granted_by=context.name,
                      lifetime_seconds=1800)
    for grant in await table.find(session): ...

Rules of this file:
1. A grant covers one exact address, a network, or one session. IPv6 addresses are exact, never
   their /64; IPv4-mapped addresses are IPv4.
2. A grant ends on the table's monotonic clock. Only granting again renews it; looking does not.
3. A grant of a session covers that session alone, and only while it is logged in as the account.
   A grant that is bound to an account covers sessions without a login, and those of the account.
4. Several accounts may hold grants for one address (NAT); each grantor has a row of its own, so
   that a short grant does not take the place of a long one.
5. Every number is bounded. When a bound is reached nothing new is granted; what is there is
   renewed all the same.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, Literal, TypeAlias

from thurn.plugin import (
    LOGIN_NAME_CHARACTERS,
    RELAYED_FOR,
    AccountId,
    Address,
    Clock,
    Session,
    State,
    TableRow,
    ThurnError,
)

from thurn_kit.sources import (
    Network,
    NetworkSetting,
    SessionSource,
    Source,
    exact,
    is_open,
    parse_destinations,
    parse_network,
    parse_source,
)

TABLE: Final = "relay.grants"
COUNTERS: Final = "relay.grants.new"
VERSION: Final = 1
"""Of a row's form; rows of other forms grant nothing."""

REASON_CHARACTERS: Final = 500
LIFETIME_SECONDS: Final = 400 * 86_400.0
"""A grant at most; what shall last longer belongs in the configuration."""
PAGE: Final = 1_000

Kind: TypeAlias = Literal["address", "network", "session"]


class GrantTableFull(ThurnError):
    """A bound of the table is reached; nothing was granted."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many rows there may be at most.

    The first three count what one grantor granted newly within the lifetime of the first of
    these rows; so at most twice as many live at once. They are separate, so that sessions cannot
    keep out addresses.

    Attributes:
        addresses: of single addresses.
        networks: of networks; all of them are read at each look-up.
        sessions: of sessions.
        per_account: new addresses of one account, so that one password cannot fill the table.
        per_address: grants for one address; a NAT with more people behind it needs SMTP AUTH.
    """

    addresses: int = 50_000
    networks: int = 1_000
    sessions: int = 10_000
    per_account: int = 200
    per_address: int = 500


LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Grant:
    """One row.

    Attributes:
        source: from where: an exact address, a network, a session.
        account: who; None is anybody at the source.
        destinations: to what: domains in normal form, `*.` before one means those below it;
            empty is anywhere.
        reason: why, for people.
        granted_by: the instance (`login.popbeforesmtp`) or person that granted.
        granted_at: POSIX seconds, for people.
        remaining_seconds: until when, from the moment of the look-up.
    """

    source: Source
    account: AccountId | None
    destinations: tuple[str, ...]
    reason: str
    granted_by: str
    granted_at: float
    remaining_seconds: float

    def covers(self, session: Session) -> bool:
        """Whether the grant is for this session, whatever the destination."""
        return self._is_source_of(session) and self._is_for(session)

    def _is_source_of(self, session: Session) -> bool:
        match self.source:
            case SessionSource(identifier):
                return identifier == session.id and session.identity is not None
            case IPv4Network() | IPv6Network() as network:
                return session.peer is not None and exact(session.peer) in network
            case address:
                return session.peer is not None and exact(session.peer) == address

    def _is_for(self, session: Session) -> bool:
        if session.identity is None or self.account is None:
            return True
        return session.identity.account == self.account

    def reaches(self, recipient: Address) -> bool:
        """Whether the grant is for mail to this address."""
        if not self.destinations or recipient.domain in self.destinations:
            return True
        labels = recipient.domain.split(".")
        above = (".".join(labels[start:]) for start in range(1, len(labels)))
        return any(f"*.{domain}" in self.destinations for domain in above)


class GrantTable:
    """The site's grants, shared by all workers. Each method may raise what the state raises
    (`TemporaryFailure`): trouble is never "no grant" and never a grant."""

    __slots__ = ("_clock", "_counters", "_limits", "_rows")

    def __init__(self, state: State, clock: Clock, *, limits: Limits = LIMITS) -> None:
        self._rows = state.table(TABLE)
        self._counters = state.table(COUNTERS)
        self._clock = clock
        self._limits = limits

    async def grant(
        self,
        source: Source,
        *,
        account: AccountId | None = None,
        destinations: Collection[str] = (),
        reason: str,
        granted_by: str,
        lifetime_seconds: float,
    ) -> Grant:
        """Grant, or grant again: the same source, account and grantor is the same row, which
        gets all that is said here, its lifetime included.

        Raises:
            GrantTableFull: a bound is reached; the message says which.
            ValueError: out of bounds, a destination that is no domain, a session without account.
        """
        if not 0 < lifetime_seconds <= LIFETIME_SECONDS:
            raise ValueError(f"a grant lives up to {LIFETIME_SECONDS / 86_400:.0f} days")
        if isinstance(source, SessionSource) and account is None:
            raise ValueError("the grant of a session is bound to its account")
        if isinstance(source, IPv4Address | IPv6Address):
            source = exact(source)
        grant = Grant(
            source,
            account,
            parse_destinations(destinations),
            reason[:REASON_CHARACTERS],
            granted_by,
            self._clock.wall(),
            lifetime_seconds,
        )
        key, value = _key(grant), _encode(grant)
        if await self._rows.get(key) is None:
            await self._bound(grant)
        await self._rows.put(key, value, lifetime_seconds=lifetime_seconds)
        return grant

    async def find(self, session: Session) -> Sequence[Grant]:
        """The grants that cover this session now: its own, its address's, its networks'."""
        prefixes: list[str] = []
        if session.identity is not None:
            prefixes.append(f"session/{session.id}/")
        if session.peer is not None:
            prefixes += [f"address/{exact(session.peer)}/", "network/"]
        rows = [row for prefix in prefixes for row in await self._read(prefix)]
        found = [_decode(row) for row in rows if _may_cover(row.key, session)]
        return [grant for grant in found if grant is not None and grant.covers(session)]

    async def revoke(
        self, source: Source, *, account: AccountId | None = None, granted_by: str | None = None
    ) -> Sequence[Grant]:
        """End grants of exactly this source, now; returns them.

        Args:
            source: an address ends no network's grant that covers it.
            account: only grants bound to it.
            granted_by: only grants of this grantor.
        """
        ended: list[Grant] = []
        for row in await self._read(_prefix(source)):
            grant = _decode(row)
            if grant is None:
                continue
            other = account is not None and grant.account != account
            if other or (granted_by is not None and grant.granted_by != granted_by):
                continue
            if await self._rows.delete(row.key):
                ended.append(grant)
        return ended

    async def entries(self, kind: Kind | None = None) -> Sequence[Grant]:
        """All grants that live, or those of one kind. Reads the whole table: for people and at
        start, not per message."""
        rows = await self._read("" if kind is None else f"{kind}/")
        return [grant for grant in map(_decode, rows) if grant is not None]

    async def _read(self, prefix: str) -> list[TableRow]:
        """All rows whose key begins so."""
        found: list[TableRow] = []
        after = ""
        while True:
            rows = await self._rows.entries(prefix, after=after, limit=PAGE)
            found += rows
            if len(rows) < PAGE:
                return found
            after = rows[-1].key

    async def _bound(self, grant: Grant) -> None:
        """Count a new row; raises GrantTableFull."""
        kind, limits = _kind(grant.source), self._limits
        most = {"address": limits.addresses, "network": limits.networks}.get(kind, limits.sessions)
        if kind == "address":
            rows = await self._rows.entries(_prefix(grant.source), limit=limits.per_address)
            if len(rows) >= limits.per_address:
                raise GrantTableFull(f"{grant.source} has {limits.per_address} grants")
        if kind == "address" and grant.account is not None:
            await self._count(f"account/{_digest(grant.account)}", limits.per_account, grant)
        await self._count(f"{kind}/{_digest(grant.granted_by)}", most, grant)

    async def _count(self, key: str, most: int, grant: Grant) -> None:
        lifetime = grant.remaining_seconds
        if await self._counters.increment(key, lifetime_seconds=lifetime) > most:
            raise GrantTableFull(f"{most} new grants of {key.partition('/')[0]} within their life")


def _kind(source: Source) -> Kind:
    if isinstance(source, SessionSource):
        return "session"
    return "network" if isinstance(source, IPv4Network | IPv6Network) else "address"


def _prefix(source: Source) -> str:
    """What the keys of a source begin with; nothing else begins so."""
    match source:
        case SessionSource(identifier):
            return f"session/{identifier}/"
        case IPv4Network() | IPv6Network():
            return f"network/{source}/"
        case _:
            return f"address/{exact(source)}/"


def _key(grant: Grant) -> str:
    return _prefix(grant.source) + _digest(grant.account or "", grant.granted_by)


def _digest(*parts: str) -> str:
    """A short name of texts that may be longer than a key."""
    digest = blake2b(digest_size=16)
    for part in parts:
        octets = part.encode("utf-8", "surrogatepass")
        digest.update(len(octets).to_bytes(4, "big") + octets)
    return digest.hexdigest()


def _encode(grant: Grant) -> bytes:
    if max(len(grant.account or ""), len(grant.granted_by)) > LOGIN_NAME_CHARACTERS:
        raise ValueError(f"names have up to {LOGIN_NAME_CHARACTERS} characters")
    peer = grant.source.peer if isinstance(grant.source, SessionSource) else ""
    fields = {
        "v": VERSION,
        "account": grant.account,
        "to": grant.destinations,
        "why": grant.reason,
        "by": grant.granted_by,
        "at": round(grant.granted_at, 3),
        "peer": peer,
    }
    return json.dumps(fields, separators=(",", ":")).encode()


def _decode(entry: TableRow) -> Grant | None:
    """The grant of a row; None: another version's form, which grants nothing."""
    try:
        fields = json.loads(entry.value)
        if fields["v"] != VERSION or entry.remaining_seconds is None:
            return None
        source = _source(entry.key, str(fields["peer"]))
        account = None if fields["account"] is None else AccountId(str(fields["account"]))
        return Grant(
            source,
            account,
            tuple(map(str, fields["to"])),
            str(fields["why"]),
            str(fields["by"]),
            float(fields["at"]),
            entry.remaining_seconds,
        )
    except (ValueError, TypeError, KeyError):
        return None


def _source(key: str, peer: str = "") -> Source:
    """The source in a row's key. Raises ValueError: the key is none of a table's."""
    kind, rest = key.split("/", 1)
    text = rest.rpartition("/")[0]
    if kind == "session":
        return SessionSource(text, peer)
    return _network(text) if kind == "network" else exact(ip_address(text))


_network = lru_cache(maxsize=4 * LIMITS.networks)(parse_network)
"""Every look-up sees all networks' keys; parsing is most of its cost."""


def _may_cover(key: str, session: Session) -> bool:
    """False if the row is of a network elsewhere: most are, and are not worth reading."""
    if not key.startswith("network/") or session.peer is None:
        return True
    try:
        source = _source(key)
    except ValueError:
        return False
    return isinstance(source, IPv4Network | IPv6Network) and exact(session.peer) in source


__all__ = [
    "LIMITS",
    "RELAYED_FOR",
    "Grant",
    "GrantTable",
    "GrantTableFull",
    "Kind",
    "Limits",
    "Network",
    "NetworkSetting",
    "SessionSource",
    "Source",
    "exact",
    "is_open",
    "parse_destinations",
    "parse_network",
    "parse_source",
]
