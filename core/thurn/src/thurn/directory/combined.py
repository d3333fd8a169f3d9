"""Several account instances as one directory and one verifier: the first that knows a name answers.

Rules of this file:
1. After `Unknown` the next instance is asked; every other answer ends the search.
2. A TemporaryFailure ends it, too: it never counts as "unknown", and a later instance is never
   asked because an earlier one could not answer.
3. If an instance raises, answers nonsense or takes too long, that is a TemporaryFailure, and the
   log names the instance.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from types import NoneType, UnionType
from typing import Final, ParamSpec, TypeVar

from thurn.chain.supervision import Supervised, Supervision
from thurn.contracts.account import (
    AccountFinder,
    AccountRecord,
    Alias,
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

P = ParamSpec("P")
T = TypeVar("T")

ACCOUNT_SECONDS: Final = 30.0
"""Most seconds that one account instance may take to answer; a peer waits 300 s (RFC 5321
§4.5.3.2)."""


class CombinedAccounts:
    """A `Directory` and a `CredentialVerifier` over products in their configured order."""

    __slots__ = ("_directories", "_discreet", "_finders", "_revised", "_supervision", "_verifiers")

    def __init__(self, instances: Sequence[Supervised[object]], supervision: Supervision) -> None:
        self._supervision = supervision
        directories: list[Supervised[Directory]] = []
        verifiers: list[Supervised[CredentialVerifier]] = []
        self._finders: list[Supervised[AccountFinder]] = []
        self._discreet: list[Supervised[DiscreetVerifier]] = []
        self._revised: list[Supervised[RevisedVerifier]] = []
        for one in instances:
            product, callee = one.product, one.callee
            if isinstance(product, Directory):
                directories.append(Supervised(product, callee))
            if isinstance(product, Directory) and isinstance(product, AccountFinder):
                self._finders.append(Supervised(product, callee))
            if isinstance(product, CredentialVerifier):
                verifiers.append(Supervised(product, callee))
            if isinstance(product, DiscreetVerifier):
                self._discreet.append(Supervised(product, callee))
            if isinstance(product, RevisedVerifier):
                self._revised.append(Supervised(product, callee))
        self._directories, self._verifiers = directories, verifiers

    async def resolve(self, address: Address) -> Resolution:
        """The answer of the first that knows the address. A domain is the site's if any of them
        says so."""
        domain_is_ours = False
        for one in self._directories:
            resolution = await self._look(one, Resolution, one.product.resolve, address)
            if isinstance(resolution, Alias) and not all(
                isinstance(target, Address) for target in resolution.addresses
            ):
                raise self._supervision.nonsense(
                    one.callee, resolution, "a target is not an Address"
                )
            if not isinstance(resolution, UnknownAddress):
                return resolution
            domain_is_ours = domain_is_ours or resolution.domain_is_ours
        return UnknownAddress(domain_is_ours)

    async def account(self, account: AccountId) -> AccountRecord | None:
        """The record of the first that has one."""
        for one in self._directories:
            record = await self._look(one, AccountRecord | None, one.product.account, account)
            if record is not None:
                return record
        return None

    async def find_account(self, name: str) -> AccountId | None:
        """The account of the first that has this login name or address."""
        for one in self._finders:
            account = await self._ask(one, str | None, one.product.find_account, name)
            if account:
                return account
        return None

    async def owns(self, account: AccountId, address: Address) -> bool:
        """Whether any of them says that the account may send as the address."""
        for one in self._directories:
            if await self._look(one, bool, one.product.owns, account, address):
                return True
        return False

    async def may_act_as(self, authcid: AccountId, authzid: str) -> AccountId | None:
        """The account that the first instance that allows it gives."""
        for one in self._directories:
            account = await self._ask(one, str | None, one.product.may_act_as, authcid, authzid)
            if account is not None:
                return account
        return None

    async def verify(self, claim: Claim) -> Verdict:
        """The first verdict that is not `Unknown`. If all are, one verifier does its usual work, so
        that the time of the answer reveals nothing."""
        for one in self._verifiers:
            verdict = await self._ask(one, Verdict, one.product.verify, claim)
            if not isinstance(verdict, Unknown):
                return verdict
        for discreet in self._discreet[:1]:
            await self._ask(discreet, NoneType, discreet.product.verify_nobody, claim)
        return Unknown()

    async def revision(self) -> str:
        """A text that differs whenever the revision of any verifier does."""
        revisions = [await self._look(one, Hashable, one.product.revision) for one in self._revised]
        return "\0".join([repr(revision) for revision in revisions])

    async def stored_key(self, query: StoredKeyQuery) -> KeyAnswer:
        """The first answer that is not `Unknown`: if one knows a name, no other may prove it."""
        for one in self._verifiers:
            key = await self._ask(one, KeyAnswer, one.product.stored_key, query)
            if not isinstance(key, Unknown):
                return key
        return Unknown()

    async def _ask(
        self,
        one: Supervised[object],
        expected: type[object] | UnionType,
        function: Callable[P, Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        return await self._supervision.ask(
            one.callee, ACCOUNT_SECONDS, expected, function, *args, **kwargs
        )

    async def _look(
        self,
        one: Supervised[object],
        expected: type[object] | UnionType,
        function: Callable[P, Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Like `_ask`, for what is asked for each message."""
        return await self._supervision.look(
            one.callee, ACCOUNT_SECONDS, expected, function, *args, **kwargs
        )
