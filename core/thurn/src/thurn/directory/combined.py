"""Several account instances as one directory and one verifier: the first that knows answers.

Rules of this file:
1. `Unknown` asks the next instance; every other answer ends the search.
2. A TemporaryFailure ends it too: it is never "unknown", and a weaker instance is never asked
   because a stronger one could not answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from thurn.contracts.account import (
    AccountFinder,
    AccountRecord,
    Claim,
    CredentialVerifier,
    Directory,
    DiscreetVerifier,
    KeyAnswer,
    Resolution,
    RevisedVerifier,
    StoredKeyQuery,
    Unknown,
    UnknownAddress,
    Verdict,
)
from thurn.types.address import Address
from thurn.types.identity import AccountId


class CombinedAccounts:
    """A `Directory` and a `CredentialVerifier` over products in their configured order."""

    __slots__ = ("_directories", "_discreet", "_revised", "_verifiers")

    def __init__(self, products: Sequence[Any]) -> None:
        self._directories = tuple(p for p in products if isinstance(p, Directory))
        self._verifiers = tuple(p for p in products if isinstance(p, CredentialVerifier))
        self._discreet = [v for v in self._verifiers if isinstance(v, DiscreetVerifier)]
        self._revised = tuple(v for v in self._verifiers if isinstance(v, RevisedVerifier))

    async def resolve(self, address: Address) -> Resolution:
        """What the first that knows the address says; a domain is ours when any of them says so."""
        domain_is_ours = False
        for directory in self._directories:
            resolution = await directory.resolve(address)
            if not isinstance(resolution, UnknownAddress):
                return resolution
            domain_is_ours = domain_is_ours or resolution.domain_is_ours
        return UnknownAddress(domain_is_ours)

    async def account(self, account: AccountId) -> AccountRecord | None:
        """The record of the first that has one."""
        for directory in self._directories:
            if (record := await directory.account(account)) is not None:
                return record
        return None

    async def find_account(self, name: str) -> AccountId | None:
        """The account of the first that has this login name or address."""
        for directory in self._directories:
            if isinstance(directory, AccountFinder):
                account = await directory.find_account(name)
                if account is not None:
                    return account
        return None

    async def owns(self, account: AccountId, address: Address) -> bool:
        """Whether any of them says that the account may send as this address."""
        for directory in self._directories:
            if await directory.owns(account, address):
                return True
        return False

    async def may_act_as(self, authcid: AccountId, authzid: str) -> AccountId | None:
        """The account that the first one gives that allows it."""
        for directory in self._directories:
            if (account := await directory.may_act_as(authcid, authzid)) is not None:
                return account
        return None

    async def verify(self, claim: Claim) -> Verdict:
        """The first verdict that is not `Unknown`; if all are, one verifier works as usual."""
        for verifier in self._verifiers:
            if not isinstance(verdict := await verifier.verify(claim), Unknown):
                return verdict
        for verifier in self._discreet[:1]:
            await verifier.verify_nobody(claim)
        return Unknown()

    async def revision(self) -> str:
        """A text that differs whenever the revision of any verifier does."""
        return "\0".join([repr(await verifier.revision()) for verifier in self._revised])

    async def stored_key(self, query: StoredKeyQuery) -> KeyAnswer:
        """The first answer that is not `Unknown`: no other proves a name that one knows."""
        for verifier in self._verifiers:
            if not isinstance(key := await verifier.stored_key(query), Unknown):
                return key
        return Unknown()
