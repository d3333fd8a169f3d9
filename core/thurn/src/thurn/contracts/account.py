"""Accounts: whether credentials are right (`CredentialVerifier`) and what addresses mean
(`Directory`).

The product of an account plugin has the methods of either Protocol or of both. If it cannot answer,
because its database is down for example, it raises TemporaryFailure. That is never taken for
"unknown" or for a wrong password: no other instance is asked instead, and nothing is cached.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, runtime_checkable

from thurn.contracts.settings import Secret
from thurn.types.address import Address
from thurn.types.identity import AccountId


@dataclass(frozen=True, slots=True)
class Claim:
    """What a peer claims: I am `name`, and this secret proves it.

    Attributes:
        name: as the peer gave it, perhaps an address; not yet trusted; never empty.
        secret: a password or token; never empty; the gate has bounded its length.
        kind: "password", or the kind of token ("oauth2").
        service: the protocol of the session ("imap", "smtp" …), for app passwords and permissions.
    """

    name: str
    secret: Secret
    kind: str = "password"
    service: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """The claim is true.

    Attributes:
        account: the account that it proves.
        credential: which credential was right, such as "main" or an app password's label.
        expires_at: POSIX seconds at which the verdict ends; None: it is not known to end.
    """

    account: AccountId
    credential: str = "main"
    expires_at: float | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Denied:
    """The name is known here and the claim is false: no other instance is asked. `reason` is for
    the log only."""

    reason: str = "credentials"


@dataclass(frozen=True, slots=True)
class Unknown:
    """The name is not known here: the next instance is asked."""


Verdict: TypeAlias = Verified | Denied | Unknown


@dataclass(frozen=True, slots=True)
class StoredKeyQuery:
    """The question of a mechanism like SCRAM: the stored key of a name for a scheme."""

    name: str
    scheme: str


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A stored key as the scheme's own text (RFC 5803), and the account it belongs to."""

    account: AccountId
    value: Secret


KeyAnswer: TypeAlias = StoredKey | Denied | Unknown


@runtime_checkable
class CredentialVerifier(Protocol):
    """Judges claims. Hashing runs in threads. Refusing a known name takes as long as refusing a
    wrong password, whatever the reason; for unknown names see `DiscreetVerifier`."""

    async def verify(self, claim: Claim) -> Verdict:
        """Judge a claim, comparing in constant time. Empty secrets never come here."""

    async def stored_key(self, query: StoredKeyQuery) -> KeyAnswer:
        """The stored key of a name; `Denied` if the name has credentials here but not this key.

        `Unknown` for exactly the names for which `verify` says it: otherwise the next instance
        could prove a name whose password is here.
        """


@runtime_checkable
class RevisedVerifier(CredentialVerifier, Protocol):
    """A verifier that knows when its credentials change, so that no cached verdict outlives a
    change.

    The gate keeps a verdict of any other verifier for a minute at most.
    """

    async def revision(self) -> Hashable:
        """A value that is different in this process after any process has changed, locked or
        revoked a credential. Asked at each login, so it is cheap. Raises TemporaryFailure."""


@runtime_checkable
class DiscreetVerifier(CredentialVerifier, Protocol):
    """A verifier that can do its usual work for a name that nobody has, so that the time of an
    answer reveals nothing. For other verifiers the gate waits as long as judging has taken on
    average."""

    async def verify_nobody(self, claim: Claim) -> None:
        """Judge the claim against a made-up credential of the kind that most accounts here have, in
        the same way and with the same limits as `verify`. Called if all instances say `Unknown`."""


@dataclass(frozen=True, slots=True)
class Local:
    """The address is one of an account here; `detail` is the sub-address ("+detail"), if any."""

    account: AccountId
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Alias:
    """The address stands for these addresses; each is resolved in turn (the host bounds the
    depth)."""

    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """Mail for the address is accepted here and goes on to that host, with this address."""

    next_hop: str
    address: Address


@dataclass(frozen=True, slots=True)
class UnknownAddress:
    """The address is not known. With `domain_is_ours` its domain is this site's, so the answer is
    550 5.1.1; otherwise the relay rules are asked."""

    domain_is_ours: bool = False


Resolution: TypeAlias = Local | Alias | Route | UnknownAddress


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """What the directory knows about an account.

    Attributes:
        address: the primary address, from which notices and absence notes are sent.
        addresses: all addresses of its own, the primary included.
        services: the protocols that it may use; None: all.
        quota_octets: most octets of its mail; None: no bound is set.
        quota_messages: most messages; None: no bound is set.
        enabled: False refuses logins; mail is still delivered.
        store: the store instance; None: the site's default.
        attributes: whatever else the source has (script location, language …).
    """

    account: AccountId
    address: Address | None
    addresses: tuple[Address, ...] = ()
    display_name: str = ""
    enabled: bool = True
    groups: frozenset[str] = frozenset()
    services: frozenset[str] | None = None
    quota_octets: int | None = None
    quota_messages: int | None = None
    store: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict, hash=False)

    def may_use(self, protocol: str) -> bool:
        """Whether the account may log in by this protocol."""
        return self.enabled and (self.services is None or protocol in self.services)


@runtime_checkable
class Directory(Protocol):
    """Knows addresses and accounts. Names and addresses are data and never part of a query's
    text."""

    async def resolve(self, address: Address) -> Resolution:
        """Where mail for this address goes."""

    async def account(self, account: AccountId) -> AccountRecord | None:
        """The record of an account, or None."""

    async def owns(self, account: AccountId, address: Address) -> bool:
        """Whether the account may send as this address: its own, an alias, or one granted to it."""

    async def may_act_as(self, authcid: AccountId, authzid: str) -> AccountId | None:
        """The account that `authcid` acts as if it asks for `authzid`; None: it may not."""


@runtime_checkable
class AccountFinder(Protocol):
    """A directory that also finds accounts by the names that people use."""

    async def find_account(self, name: str) -> AccountId | None:
        """The account with this login name or own address. Raises TemporaryFailure."""
