"""The product: verifies claims and answers look-ups.

Rules of this file:
1. An app password is recognised by its form and verified by a fast hash. A text that is not an app
   password of the account is verified as the main password, in a thread, two at a time, so that
   many logins at once do not take all the memory.
2. An account without any credential is Unknown to logins, so that another instance may have its
   password. A wrong login to an account that has only app passwords takes the time of a slow hash
   as well.
3. Whether an account is enabled is checked after the proof, so that nobody learns it without one.
4. The notes of a login (last use, a better hash) never make it fail.
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
"""Aliases of aliases that a question about ownership follows; the host has the same bound for
mail."""
HASHES: Final = 2
"""Hashes computed at the same time; an argon2 hash takes 19 MiB."""
USED_SECONDS: Final = 86_400.0
"""Seconds after which "last used" is written again: a credential costs one write a day, not one a
login."""
PATIENCE_SECONDS: Final = 0.1
"""How long the notes of a login wait for other writers, in seconds; the next login can make them
too."""
KINDS: Final = 16
"""Kinds of made-up hashes that are kept; sites have one or two."""


class SqliteAccounts:
    """The accounts of one database.

    See `thurn.contracts.account.CredentialVerifier` and `Directory`.
    """

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
        """Verify a password; other kinds of credentials are Unknown here.

        Raises:
            TemporaryFailure: the database cannot be read.

        Cancellation: the hash is finished first, in its thread.
        """
        login = await self._login(claim.name)
        if login is None or not login.credentials or claim.kind != "password":
            return Unknown()
        secret = claim.secret.reveal()
        credential = await self._match(login, secret)
        if credential is None:
            return Denied()
        if not login.enabled:
            return Denied("account.disabled")
        if credential.expires is not None and credential.expires <= self.clock.wall():
            return Denied("credential.expired")
        if credential.services is not None and claim.service not in credential.services:
            return Denied("credential.service")
        if self._serving:
            await self._remember(login, credential, secret)
        return Verified(login.account, credential.label, credential.expires)

    async def verify_nobody(self, claim: Claim) -> None:
        """Take the time that a wrong password takes.

        Raises:
            TemporaryFailure: the database cannot be read.

        Cancellation: the hash is finished first, in its thread.
        """
        if claim.kind == "password":
            await self._matches(await self._decoy(), claim.secret.reveal())

    async def revision(self) -> Hashable:
        """A value that differs after every change except "last used".

        Raises:
            TemporaryFailure: the database cannot be read.
        """
        return await self._cache.get("revision", lookup.newest_change)

    async def stored_key(self, query: StoredKeyQuery) -> KeyAnswer:
        """The stored key of a name's main password for a scheme.

        Raises:
            TemporaryFailure: the database cannot be read.
        """
        login = await self._login(query.name)
        if login is None or not login.credentials:
            return Unknown()
        value = login.keys.get(query.scheme)
        if value is None or not login.enabled:
            return Denied()
        return StoredKey(login.account, Secret(value))

    async def resolve(self, address: Address) -> Resolution:
        """What mail to the address means; accounts that are not enabled count as others do.

        Raises:
            TemporaryFailure: the database cannot be read, or it is empty and `when_empty` is
                "temporary".
        """
        defaults = self._defaults
        meaning = await self._cache.get(address, lambda c: lookup.resolve(c, address, defaults))
        if meaning is lookup.FOREIGN:
            await self._check_not_empty()
        return meaning

    async def account(self, account: AccountId) -> AccountRecord | None:
        """The record of an account, or None.

        Raises:
            TemporaryFailure: the database cannot be read.
        """
        return await self._cache.get(("account", account), lambda c: lookup.record(c, account))

    async def find_account(self, name: str) -> AccountId | None:
        """The account with this login name or own address.

        Raises:
            TemporaryFailure: the database cannot be read.
        """
        key = name_key(name)
        if key is None:
            return None
        row = await self._cache.get(("name", key), lambda c: lookup.find_account(c, key))
        if row is None:
            await self._check_not_empty()
            return None
        return AccountId(row[1])

    async def owns(self, account: AccountId, address: Address) -> bool:
        """Whether mail to the address leads to the account alone, or a grant lets it send as it.

        Raises:
            TemporaryFailure: the database cannot be read.
        """
        if await self._owner(address) == account:
            return True
        defaults = self._defaults
        return await self._cache.get(
            ("send", account, address),
            lambda c: lookup.may_send_as(c, account, address, defaults),
        )

    async def may_act_as(self, authcid: AccountId, authzid: str) -> AccountId | None:
        """The account that `authzid` names, if it is `authcid` itself or a grant permits it.

        Raises:
            TemporaryFailure: the database cannot be read.
        """
        key = name_key(authzid)
        if key is None:
            return None
        return await self._cache.get(
            ("act", authcid, key), lambda c: lookup.may_act_as(c, authcid, key)
        )

    async def _check_not_empty(self) -> None:
        """Raise TemporaryFailure if the database has no domain, unless `when_empty` permits it."""
        if self.settings.when_empty == "unknown":
            return
        if await self._cache.get("empty", lookup.is_empty):
            path = self.database.path
            raise TemporaryFailure(
                f"{path} has no domain: add one (thurn domain add NAME), or restore a backup"
            )

    async def _login(self, name: str) -> Login | None:
        key = name_key(name)  # the cache needs bounded keys in one form
        login = None
        if key is not None:
            login = await self._cache.get(("login", key), lambda c: lookup.find_login(c, key))
        if login is None:
            await self._check_not_empty()
        return login

    async def _owner(self, address: Address) -> AccountId | None:
        """The account that mail to the address leads to alone, or None."""
        for _ in range(ALIAS_DEPTH):
            match await self.resolve(address):
                case Local(account):
                    return account
                case Alias((target,)):
                    address = target
                case _:
                    return None
        return None

    async def _match(self, login: Login, secret: str) -> Credential | None:
        """The credential that the secret matches, or None."""
        characters = apppassword.read_app_password(secret)
        if characters is not None:
            for credential in login.credentials:
                if credential.scheme == apppassword.SCHEME and apppassword.matches(
                    credential.value, characters
                ):
                    return credential
        main = login.main
        if main is None:
            await self._matches(await self._decoy(), secret)
            return None
        text = (prepare(secret) or secret) if main.prepared else secret
        return main if await self._matches(PasswordHash(main.scheme, main.value), text) else None

    async def _matches(self, stored: PasswordHash, text: str) -> bool:
        return await trio.to_thread.run_sync(stored.matches, text, limiter=self._limiter)

    async def _decoy(self) -> PasswordHash:
        """A made-up hash that takes the same work to check as those of most accounts."""
        usual = await self._cache.get("usual", lookup.usual_password)
        kind = usual.kind
        if kind not in self._decoys:
            decoy = await trio.to_thread.run_sync(usual.decoy, limiter=self._limiter)
            if len(self._decoys) >= KINDS:
                self._decoys.clear()
            self._decoys[kind] = decoy
        return self._decoys[kind]

    async def _remember(self, login: Login, used: Credential, secret: str) -> None:
        """Replace an old hash, add missing keys, or note the use.

        A login does not wait for another change (an import takes seconds); the next login does the
        same again.
        """
        if self.database.writing:
            return
        now = self.clock.wall()
        write = partial(self.database.write, patience_seconds=PATIENCE_SECONDS)
        schemes = self.settings.scram
        try:
            if (
                self.settings.upgrade
                and used is login.main
                and needs_renewal(used, login.keys, schemes, secret)
            ):
                make = partial(make_stored, secret, schemes, self.settings.scram_iterations)
                stored = await trio.to_thread.run_sync(make, limiter=self._limiter)
                await write(lambda c: renew_main(c, used, stored, now))
            elif used.last_used is None or now - used.last_used >= USED_SECONDS:
                await write(partial(mark_used, number=used.number, at=now), durable=False)
        except TemporaryFailure as error:
            self._diagnostics.warning(
                "accounts.not_noted", account=login.account, failure=str(error)
            )
