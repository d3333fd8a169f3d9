"""The grant table: who may send to elsewhere, from where, to what, until when, and why.

    table = GrantTable(context.state, context.clock)
    await table.grant(peer, account=account, reason="POP3 login", granted_by=context.name,
                      lifetime_seconds=1800)
    for grant in await table.find(session): ...

Rules of this file:
1. A grant covers one exact address, a network, or one session. An IPv6 address is exact (the grant
   is never for its /64), and an IPv4-mapped address is IPv4.
2. A grant ends on the table's monotonic clock. Only granting again renews it; a look-up does not.
3. A grant for a session covers only that session, and only while it is logged in. A grant that is
   bound to an account covers sessions without a login, and those of the account.
4. Several accounts may have grants for one address (NAT). Each grantor has its own row, so that a
   short grant does not replace a long one.
5. Every number is bounded. If a bound is reached, new grants are refused and existing ones are
   still renewed.
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
"""The name of the state table with the rows."""
COUNTERS: Final = "relay.grants.new"
"""The name of the state table that counts new rows."""
VERSION: Final = 1
"""The version of the rows' form; a row of another version grants nothing."""

REASON_CHARACTERS: Final = 500
"""Length in characters to which a reason is cut; a long line for people."""
LIFETIME_SECONDS: Final = 400 * 86_400.0
"""The longest life of a grant in seconds; longer permissions belong in the configuration."""
PAGE: Final = 1_000
"""Rows that one call of the state table returns."""

Kind: TypeAlias = Literal["address", "network", "session"]
"""What a grant is for."""


class GrantTableFull(ThurnError):
    """A bound of the table is reached, so nothing was granted."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on the rows of the table.

    `addresses`, `networks` and `sessions` bound the new rows of one grantor, counted from a first
    row until the end of that row's lifetime. So with equal lifetimes at most twice as many rows
    exist at once. Each kind is counted separately, so that sessions cannot keep addresses out.

    Attributes:
        addresses: new rows for single addresses.
        networks: new rows for networks; each look-up reads all of them.
        sessions: new rows for sessions.
        per_account: new rows for addresses bound to one account, so that one password cannot fill
            the table.
        per_address: rows for one address; a NAT with more people behind it needs SMTP AUTH.
    """

    addresses: int = 50_000
    networks: int = 1_000
    sessions: int = 10_000
    per_account: int = 200
    per_address: int = 500


LIMITS: Final = Limits()
"""The bounds that every site has."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One row of the table.

    Attributes:
        source: where mail may come from: an exact address, a network, a session.
        account: the account to which the grant is bound; None for everybody at the source.
        destinations: the recipients' domains in normal form, with `*.` for the domains below one;
            empty for everywhere.
        reason: why it was granted, for people.
        granted_by: the instance (`login.popbeforesmtp`) or the person that granted.
        granted_at: POSIX seconds, for people.
        remaining_seconds: how long the grant lasts, from the moment of the look-up.
    """

    source: Source
    account: AccountId | None
    destinations: tuple[str, ...]
    reason: str
    granted_by: str
    granted_at: float
    remaining_seconds: float

    def covers(self, session: Session) -> bool:
        """Whether the grant covers this session, whatever the destination."""
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
        """Whether the grant permits mail to this address."""
        if not self.destinations or recipient.domain in self.destinations:
            return True
        labels = recipient.domain.split(".")
        above = (".".join(labels[start:]) for start in range(1, len(labels)))
        return any(f"*.{domain}" in self.destinations for domain in above)


class GrantTable:
    """The site's grants, shared by all workers.

    Each method raises what the state raises (`TemporaryFailure`): a failure means neither "no
    grant" nor a grant.
    """

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
        """Grant, or renew a grant.

        A grant with the same source, account and grantor is the same row, and gets all values of
        this call, the lifetime included.

        Raises:
            GrantTableFull: a bound is reached; the message says which.
            ValueError: a value is out of bounds, a destination is not a domain, or a grant for a
                session has no account.
        """
        if not 0 < lifetime_seconds <= LIFETIME_SECONDS:
            raise ValueError(f"a grant lasts up to {LIFETIME_SECONDS / 86_400:.0f} days")
        if isinstance(source, SessionSource) and account is None:
            raise ValueError("a grant for a session must be bound to its account")
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
            await self._count_new(grant)
        await self._rows.put(key, value, lifetime_seconds=lifetime_seconds)
        return grant

    async def find(self, session: Session) -> Sequence[Grant]:
        """The grants that cover this session now, by its id, its address or a network."""
        prefixes: list[str] = []
        if session.identity is not None:
            prefixes.append(f"session/{session.id}/")
        if session.peer is not None:
            prefixes += [f"address/{exact(session.peer)}/", "network/"]
        rows = [row for prefix in prefixes for row in await self._read(prefix)]
        grants = [_decode(row) for row in rows if _may_cover(row.key, session)]
        return [grant for grant in grants if grant is not None and grant.covers(session)]

    async def revoke(
        self, source: Source, *, account: AccountId | None = None, granted_by: str | None = None
    ) -> Sequence[Grant]:
        """End the grants of exactly this source at once, and return them.

        Args:
            source: the source of the grants. For an address, grants of networks that contain it
                stay.
            account: end only grants bound to this account.
            granted_by: end only grants of this grantor.
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
        """All grants in force, or those of one kind.

        Reads the whole table, so it is for people and for a start, not for each message.
        """
        rows = await self._read("" if kind is None else f"{kind}/")
        return [grant for grant in map(_decode, rows) if grant is not None]

    async def _read(self, prefix: str) -> list[TableRow]:
        """All rows whose key begins with the prefix."""
        rows: list[TableRow] = []
        after = ""
        while True:
            page = await self._rows.entries(prefix, after=after, limit=PAGE)
            rows += page
            if len(page) < PAGE:
                return rows
            after = page[-1].key

    async def _count_new(self, grant: Grant) -> None:
        """Count a new row; raises GrantTableFull if a bound is reached."""
        kind, limits = _kind(grant.source), self._limits
        limit = {"address": limits.addresses, "network": limits.networks}.get(kind, limits.sessions)
        if kind == "address":
            rows = await self._rows.entries(_prefix(grant.source), limit=limits.per_address)
            if len(rows) >= limits.per_address:
                raise GrantTableFull(
                    f"{grant.source} already has {limits.per_address} grants, the most that one "
                    "address may have"
                )
        if kind == "address" and grant.account is not None:
            key = f"account/{_digest(grant.account)}"
            await self._count(key, limits.per_account, grant, "one account")
        key = f"{kind}/{_digest(grant.granted_by)}"
        await self._count(key, limit, grant, f"{kind} sources by one grantor")

    async def _count(self, key: str, limit: int, grant: Grant, counted: str) -> None:
        lifetime = grant.remaining_seconds
        if await self._counters.increment(key, lifetime_seconds=lifetime) > limit:
            raise GrantTableFull(
                f"{limit} new grants for {counted} within their lifetime are the most"
            )


def _kind(source: Source) -> Kind:
    if isinstance(source, SessionSource):
        return "session"
    return "network" if isinstance(source, IPv4Network | IPv6Network) else "address"


def _prefix(source: Source) -> str:
    """The beginning of the keys of a source's rows; keys of other sources never begin with it."""
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
    """A digest that stands for texts in a key; the texts may be longer than a key."""
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


def _decode(row: TableRow) -> Grant | None:
    """The grant of a row; None if the row cannot be read or has another version."""
    try:
        fields = json.loads(row.value)
        if fields["v"] != VERSION or row.remaining_seconds is None:
            return None
        source = _source(row.key, str(fields["peer"]))
        account = None if fields["account"] is None else AccountId(str(fields["account"]))
        return Grant(
            source,
            account,
            tuple(map(str, fields["to"])),
            str(fields["why"]),
            str(fields["by"]),
            float(fields["at"]),
            row.remaining_seconds,
        )
    except (ValueError, TypeError, KeyError):
        return None


def _source(key: str, peer: str = "") -> Source:
    """The source in a row's key; raises ValueError if the key was not written by `_key`."""
    kind, rest = key.split("/", 1)
    text = rest.rpartition("/")[0]
    if kind == "session":
        return SessionSource(text, peer)
    return _network(text) if kind == "network" else exact(ip_address(text))


_network = lru_cache(maxsize=4 * LIMITS.networks)(parse_network)
"""`parse_network` with a cache: every look-up reads the keys of all networks, and parsing them
would be most of its cost."""


def _may_cover(key: str, session: Session) -> bool:
    """Whether the row has to be decoded; False for networks that do not contain the peer."""
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
