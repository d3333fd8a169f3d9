"""Several account instances as one directory and one verifier: the first that knows answers.

Rules: `Unknown` asks the next, everything else ends the search; trouble (TemporaryFailure) ends
it too: it is never "unknown" and never falls through to a weaker instance.
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
        """The first that knows; the domain is ours when any of them says so."""
        ours = False
        for directory in self._directories:
            known = await directory.resolve(address)
            if not isinstance(known, UnknownAddress):
                return known
            ours = ours or known.domain_is_ours
        return UnknownAddress(ours)

    async def account(self, account: AccountId) -> AccountRecord | None:
        """The first record."""
        for directory in self._directories:
            if (record := await directory.account(account)) is not None:
                return record
        return None

    async def find_account(self, name: str) -> AccountId | None:
        """The first that has this login name or address."""
        for directory in self._directories:
            if isinstance(directory, AccountFinder) and (
                found := await directory.find_account(name)
            ):
                return found
        return None

    async def owns(self, account: AccountId, address: Address) -> bool:
        """Whether any of them says so."""
        for directory in self._directories:
            if await directory.owns(account, address):
                return True
        return False

    async def may_act_as(self, authcid: AccountId, authzid: str) -> AccountId | None:
        """The first that allows it."""
        for directory in self._directories:
            if (account := await directory.may_act_as(authcid, authzid)) is not None:
                return account
        return None

    async def verify(self, claim: Claim) -> Verdict:
        """The first verdict that is not `Unknown`; where all are, the work of one is spent."""
        for verifier in self._verifiers:
            if not isinstance(verdict := await verifier.verify(claim), Unknown):
                return verdict
        for verifier in self._discreet[:1]:
            await verifier.verify_nobody(claim)
        return Unknown()

    async def revision(self) -> str:
        """Changes with the revision of any verifier that has one."""
        return "\0".join([repr(await verifier.revision()) for verifier in self._revised])

    async def stored_key(self, query: StoredKeyQuery) -> KeyAnswer:
        """The first answer that is not `Unknown`: nobody else proves a name that is known here."""
        for verifier in self._verifiers:
            if not isinstance(key := await verifier.stored_key(query), Unknown):
                return key
        return Unknown()
