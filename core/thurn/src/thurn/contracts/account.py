"""Accounts: who proves to be whom (`CredentialVerifier`), and what addresses mean (`Directory`).

An account plugin's product has the methods of either Protocol or of both. Trouble (a database
that is down) is raised as TemporaryFailure: it is never "unknown", never falls through to the
next instance, is never counted as a wrong password and never cached.
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
    """What a peer says: I am `name`, and this proves it.

    Attributes:
        name: as given by the peer; not yet trusted, may be an address; never empty.
        secret: password or token; never empty; bounded by the gate before any hash.
        kind: "password", or the token's kind ("oauth2").
        service: the protocol asked for ("imap", "smtp" …), for app passwords and permissions.
    """

    name: str
    secret: Secret
    kind: str = "password"
    service: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """True.

    Attributes:
        credential: which one, such as "main" or an app password's label.
        expires_at: POSIX seconds from which it is no longer true; None: not known to end.
    """

    account: AccountId
    credential: str = "main"
    expires_at: float | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Denied:
    """Known here, and false: nobody else is asked. `reason` is for the log only."""

    reason: str = "credentials"


@dataclass(frozen=True, slots=True)
class Unknown:
    """Not known here: the next instance is asked."""


Verdict: TypeAlias = Verified | Denied | Unknown


@dataclass(frozen=True, slots=True)
class StoredKeyQuery:
    """What a mechanism like SCRAM asks: the stored key of a name for a scheme."""

    name: str
    scheme: str


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What is stored, as the scheme's own text (RFC 5803), and whose it is."""

    account: AccountId
    value: Secret


KeyAnswer: TypeAlias = StoredKey | Denied | Unknown


@runtime_checkable
class CredentialVerifier(Protocol):
    """Judges claims. Hashing runs in threads; a name that is known here and cannot be right costs
    what a wrong password does. For unknown ones see `DiscreetVerifier`."""

    async def verify(self, claim: Claim) -> Verdict:
        """Is it true? Constant-time comparison; empty secrets never come here."""

    async def stored_key(self, query: StoredKeyQuery) -> KeyAnswer:
        """What is stored for a name; `Denied` if the name has a credential here, but not this one.

        `Unknown` for exactly the names for which `verify` says it: else the next instance could
        prove a name that has its password here.
        """


@runtime_checkable
class RevisedVerifier(CredentialVerifier, Protocol):
    """A verifier that knows when its credentials change; then no verdict outlives a change.

    Without it the gate remembers a verdict for a minute at most.
    """

    async def revision(self) -> Hashable:
        """Differs, in this process, from each time before a credential was changed, locked or
        revoked by anybody. Asked at each login: cheap. Raises TemporaryFailure."""


@runtime_checkable
class DiscreetVerifier(CredentialVerifier, Protocol):
    """A verifier that can spend its usual work on a name that nobody has, so that its time tells
    nothing. Without it the gate waits for as long as judging has taken on average."""

    async def verify_nobody(self, claim: Claim) -> None:
        """Judge the claim against a made-up credential of the kind that most accounts here have,
        by the same way and limits as `verify`; the host asks when all instances said `Unknown`."""


@dataclass(frozen=True, slots=True)
class Local:
    """The address is an account of ours; `detail` is the sub-address ("+detail"), if any."""

    account: AccountId
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Alias:
    """The address stands for these; each is resolved in turn (the host bounds the depth)."""

    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """The address is accepted here and goes to that host (RFC-style mail routing)."""

    next_hop: str
    address: Address


@dataclass(frozen=True, slots=True)
class UnknownAddress:
    """Not known. `domain_is_ours` says that nobody else could know it: 550 5.1.1 instead of
    the relay chain."""

    domain_is_ours: bool = False


Resolution: TypeAlias = Local | Alias | Route | UnknownAddress


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """What the site says of an account.

    Attributes:
        address: the primary address (sender of notices, vacation).
        addresses: all that are its own, the primary included.
        services: protocols it may use; None = all.
        quota_octets: bound of its store; None = none is set.
        enabled: False refuses logins; mail is still delivered.
        store: the store instance; None = the site's default.
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
        """Whether it may log in there."""
        return self.enabled and (self.services is None or protocol in self.services)


@runtime_checkable
class Directory(Protocol):
    """Knows addresses and accounts. Names and addresses are data: never a query's syntax."""

    async def resolve(self, address: Address) -> Resolution:
        """What does mail to this address mean?"""

    async def account(self, account: AccountId) -> AccountRecord | None:
        """The record of an account, or None."""

    async def owns(self, account: AccountId, address: Address) -> bool:
        """May the account send as this address (own, alias, granted)?"""

    async def may_act_as(self, authcid: AccountId, authzid: str) -> AccountId | None:
        """The account that `authcid` becomes when it asks to act as `authzid`; None: it may not."""


@runtime_checkable
class AccountFinder(Protocol):
    """A directory that knows accounts by what people call them, too."""

    async def find_account(self, name: str) -> AccountId | None:
        """The account with this login name or own address. Raises TemporaryFailure."""
