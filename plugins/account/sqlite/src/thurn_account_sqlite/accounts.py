"""The product: judges claims and answers look-ups.

Rules of this file:
1. An app password is told by its form and judged by a fast hash; whatever else, and what is no app
   password of the account, is judged as the main password, in a thread, two at a time: argon2 takes
   19 MiB each, and a login storm must not take the memory.
2. An account without any credential is Unknown to logins: somebody else may have its password. One
   that has only app passwords costs the time of a hash all the same.
3. Whether an account is enabled is asked after the proof: nobody learns it without.
4. What a login leaves behind (last use, a better hash) never makes it fail.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial
from typing import Final

import trio
from thurn.plugin import (
    AccountId,
    AccountRecord,
    Address,
    Alias,
    Claim,
    Context,
    Denied,
    KeyAnswer,
    Local,
    Resolution,
    Secret,
    StoredKey,
    StoredKeyQuery,
    TemporaryFailure,
    Unknown,
    Verdict,
    Verified,
)
from thurn_kit.accounts import PasswordHash, name_key

from thurn_account_sqlite import apppassword, lookup
from thurn_account_sqlite.cache import LookupCache
from thurn_account_sqlite.changes.credential import mark_used, renew_main
from thurn_account_sqlite.database import Database
from thurn_account_sqlite.lookup import Credential, Login, SiteDefaults
from thurn_account_sqlite.saslprep import prepare
from thurn_account_sqlite.settings import SqliteSettings
from thurn_account_sqlite.stored import make_stored, needs_renewal

ALIAS_DEPTH: Final = 10
"""Aliases of aliases that ownership follows; the host has the same bound for mail."""
HASHES: Final = 2
"""At the same time."""
USED_SECONDS: Final = 86_400.0
"""How coarse "last used" is: a credential costs one write a day, not one per login."""
PATIENCE_SECONDS: Final = 0.1
"""For what a login leaves behind."""
KINDS: Final = 16
"""Of made-up hashes that are kept; sites have one or two."""


class SqliteAccounts:
    """See `thurn.contracts.account.CredentialVerifier` and `Directory`."""

    def __init__(self, database: Database, settings: SqliteSettings, context: Context) -> None:
        self.database = database
        self.settings = settings
        self.clock = context.clock
        self._diagnostics = context.diagnostics
        self._serving = context.serving
        self._cache = LookupCache(database)
        self._defaults = SiteDefaults(settings.separator, settings.postmaster)
        self._limiter = trio.CapacityLimiter(HASHES)
        self._decoys: dict[str, PasswordHash] = {}

    async def verify(self, claim: Claim) -> Verdict:
        """Is it true? Only passwords are judged; tokens are Unknown here.

        Raises:
            TemporaryFailure: the database is in trouble.

        Cancellation: the hash is finished first, in its thread.
        """
        login = await self._login(claim.name)
        if login is None or not login.credentials or claim.kind != "password":
            return Unknown()
        secret = claim.secret.reveal()
        found = await self._match(login, secret)
        if found is None:
            return Denied()
        if not login.enabled:
            return Denied("account.disabled")
        if found.expires is not None and found.expires <= self.clock.wall():
            return Denied("credential.expired")
        if found.services is not None and claim.service not in found.services:
            return Denied("credential.service")
        if self._serving:
            await self._remember(login, found, secret)
        return Verified(login.account, found.label, found.expires)

    async def verify_nobody(self, claim: Claim) -> None:
        """The time of a wrong password.

        Raises:
            TemporaryFailure: the database is in trouble.

        Cancellation: the hash is finished first, in its thread.
        """
        if claim.kind == "password":
            await self._is(await self._decoy(), claim.secret.reveal())

    async def revision(self) -> Hashable:
        """Another one after every change but "last used".

        Raises:
            TemporaryFailure: the database is in trouble.
        """
        return await self._cache.get("revision", lookup.newest_change)

    async def stored_key(self, query: StoredKeyQuery) -> KeyAnswer:
        """What is stored of the main password of a name.

        Raises:
            TemporaryFailure: the database is in trouble.
        """
        login = await self._login(query.name)
        if login is None or not login.credentials:
            return Unknown()
        value = login.keys.get(query.scheme)
        if value is None or not login.enabled:
            return Denied()
        return StoredKey(login.account, Secret(value))

    async def resolve(self, address: Address) -> Resolution:
        """What mail to this address means; the same for accounts that are not enabled.

        Raises:
            TemporaryFailure: the database is in trouble, or empty and `when_empty` says so.
        """
        defaults = self._defaults
        found = await self._cache.get(address, lambda c: lookup.resolve(c, address, defaults))
        if found is lookup.FOREIGN:
            await self._not_empty()
        return found

    async def account(self, account: AccountId) -> AccountRecord | None:
        """The record of an account, or None.

        Raises:
            TemporaryFailure: the database is in trouble.
        """
        return await self._cache.get(("account", account), lambda c: lookup.record(c, account))

    async def find_account(self, name: str) -> AccountId | None:
        """The account with this login name or own address.

        Raises:
            TemporaryFailure: the database is in trouble.
        """
        key = name_key(name)
        if key is None:
            return None
        found = await self._cache.get(("name", key), lambda c: lookup.find_account(c, key))
        if found is None:
            await self._not_empty()
            return None
        return AccountId(found[1])

    async def owns(self, account: AccountId, address: Address) -> bool:
        """Whether mail to this address leads to the account and to nobody else, or a grant lets
        it send as this address.

        Raises:
            TemporaryFailure: the database is in trouble.
        """
        if await self._owner(address) == account:
            return True
        defaults = self._defaults
        return await self._cache.get(
            ("send", account, address),
            lambda c: lookup.may_send_as(c, account, address, defaults),
        )

    async def may_act_as(self, authcid: AccountId, authzid: str) -> AccountId | None:
        """The account itself, whatever spelling; another one by a grant.

        Raises:
            TemporaryFailure: the database is in trouble.
        """
        key = name_key(authzid)
        if key is None:
            return None
        return await self._cache.get(
            ("act", authcid, key), lambda c: lookup.may_act_as(c, authcid, key)
        )

    async def _not_empty(self) -> None:
        if self.settings.when_empty == "unknown":
            return
        if await self._cache.get("empty", lookup.is_empty):
            path = self.database.path
            raise TemporaryFailure(f"{path} has no domain: thurn domain add NAME, or restore it")

    async def _login(self, name: str) -> Login | None:
        key = name_key(name)  # bounded and in one form, as what is remembered must be
        login = None
        if key is not None:
            login = await self._cache.get(("login", key), lambda c: lookup.find_login(c, key))
        if login is None:
            await self._not_empty()
        return login

    async def _owner(self, address: Address) -> AccountId | None:
        """The account to which alone mail for this address leads."""
        for _ in range(ALIAS_DEPTH):
            match await self.resolve(address):
                case Local(account):
                    return account
                case Alias((only,)):
                    address = only
                case _:
                    return None
        return None

    async def _match(self, login: Login, secret: str) -> Credential | None:
        """The credential that the secret is."""
        characters = apppassword.read_app_password(secret)
        if characters is not None:
            for credential in login.credentials:
                if credential.scheme == apppassword.SCHEME and apppassword.matches(
                    credential.value, characters
                ):
                    return credential
        main = login.main
        if main is None:
            await self._is(await self._decoy(), secret)
            return None
        text = (prepare(secret) or secret) if main.prepared else secret
        return main if await self._is(PasswordHash(main.scheme, main.value), text) else None

    async def _is(self, stored: PasswordHash, text: str) -> bool:
        return await trio.to_thread.run_sync(stored.matches, text, limiter=self._limiter)

    async def _decoy(self) -> PasswordHash:
        """A made-up hash that takes the work of those that most accounts have."""
        like = await self._cache.get("usual", lookup.usual_password)
        kind = like.kind
        if kind not in self._decoys:
            made = await trio.to_thread.run_sync(like.decoy, limiter=self._limiter)
            if len(self._decoys) >= KINDS:
                self._decoys.clear()
            self._decoys[kind] = made
        return self._decoys[kind]

    async def _remember(self, login: Login, found: Credential, secret: str) -> None:
        """Renew what is stored if it is time, and note the use; whoever logs in waits for no other
        change (an import takes seconds), it is done at the next login as well."""
        if self.database.writing:
            return
        now = self.clock.wall()
        write = partial(self.database.write, patience_seconds=PATIENCE_SECONDS)
        wanted = self.settings.scram
        try:
            if (
                self.settings.upgrade
                and found is login.main
                and needs_renewal(found, login.keys, wanted, secret)
            ):
                make = partial(make_stored, secret, wanted, self.settings.scram_iterations)
                stored = await trio.to_thread.run_sync(make, limiter=self._limiter)
                await write(lambda c: renew_main(c, found, stored, now))
            elif found.last_used is None or now - found.last_used >= USED_SECONDS:
                used = partial(mark_used, number=found.number, at=now)
                await write(used, durable=False)
        except TemporaryFailure as error:
            self._diagnostics.warning(
                "accounts.not_noted", account=login.account, failure=str(error)
            )
