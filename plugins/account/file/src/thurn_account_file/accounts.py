"""The product: verifies claims and answers look-ups from the newest valid state of the file.

Rules of this file:
1. A question checks whether the file has changed, at most once a second. A changed file is read
   again in a thread; meanwhile other questions are answered from the old state. A broken file
   changes nothing and is logged once. Neither does a file that has lost all its accounts or changes
   while it is read: it is being written, and mail for accounts that are still missing would be
   refused permanently.
2. Look-ups have no scheduling point unless they read the file again, since they are asked for each
   recipient. Hashes are computed in threads, two at a time, so that many logins at once do not take
   all the memory.
3. A name without a credential here is Unknown, so that another instance may have it.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

import trio
from thurn.plugin import (
    AccountId,
    AccountRecord,
    Address,
    Claim,
    ConfigError,
    Context,
    Denied,
    KeyAnswer,
    Resolution,
    Secret,
    StoredKey,
    StoredKeyQuery,
    Unknown,
    Verdict,
    Verified,
)
from thurn_kit.accounts import NOBODY, PasswordHash

from thurn_account_file.book import AccountBook
from thurn_account_file.document import BrokenFile
from thurn_account_file.settings import FileSettings
from thurn_account_file.source import Source, Stamp

LOOK_SECONDS: Final = 1.0
"""Seconds between two checks of the file, so that not every recipient costs a stat."""
HASHES: Final = 2
"""Hashes computed at the same time; an argon2 hash takes 19 MiB."""


class FileAccounts:
    """The accounts of one file.

    See `thurn.contracts.account.CredentialVerifier` and `Directory`.
    """

    def __init__(self, source: Source, context: Context, book: AccountBook, stamp: Stamp) -> None:
        self._source = source
        self._context = context
        self._book = book
        self._tried: Stamp | None = stamp
        self._look_at = context.clock.monotonic() + LOOK_SECONDS
        self._reading = False
        self._limiter = trio.CapacityLimiter(HASHES)
        self._decoy_hash = NOBODY
        self._decoy_of: AccountBook | None = None

    @property
    def source_path(self) -> str:
        """The file, for messages."""
        return str(self._source.path)

    async def verify(self, claim: Claim) -> Verdict:
        """Verify a password; other kinds of credentials are Unknown here.

        Cancellation: the hash is finished first, in its thread.
        """
        entry = (await self._newest()).find(claim.name)
        if entry is None or not entry.has_credential or claim.kind != "password":
            return Unknown()
        # An account that has only stored keys logs in by a mechanism like SCRAM, not by a password.
        password = entry.password or await self._decoy()
        right = await self._matches(password, claim)
        if not right or entry.password is None:
            return Denied()
        if not entry.record.enabled:
            return Denied("account.disabled")
        return Verified(entry.record.account)

    async def verify_nobody(self, claim: Claim) -> None:
        """Take the time that a wrong password takes.

        Cancellation: the hash is finished first, in its thread.
        """
        if claim.kind == "password":
            await self._matches(await self._decoy(), claim)

    async def _matches(self, stored: PasswordHash, claim: Claim) -> bool:
        secret = claim.secret.reveal()
        return await trio.to_thread.run_sync(stored.matches, secret, limiter=self._limiter)

    async def _decoy(self) -> PasswordHash:
        """A made-up hash that takes the same work to check as those of most accounts."""
        book = await self._newest()
        if self._decoy_of is not book:
            self._decoy_hash = await trio.to_thread.run_sync(book.decoy, limiter=self._limiter)
            self._decoy_of = book
        return self._decoy_hash

    async def revision(self) -> Hashable:
        """A value that differs after the file has changed."""
        await self._newest()
        return self._tried

    async def stored_key(self, query: StoredKeyQuery) -> KeyAnswer:
        """The stored key of a name for a scheme; Denied if the name has other credentials only."""
        entry = (await self._newest()).find(query.name)
        if entry is None or not entry.has_credential:
            return Unknown()
        value = entry.stored_keys.get(query.scheme)
        if value is None or not entry.record.enabled:
            return Denied()
        return StoredKey(entry.record.account, Secret(value))

    async def resolve(self, address: Address) -> Resolution:
        """What mail to the address means."""
        return (await self._newest()).resolve(address)

    async def account(self, account: AccountId) -> AccountRecord | None:
        """The record of an account, or None."""
        entry = (await self._newest()).entries.get(account)
        return None if entry is None else entry.record

    async def find_account(self, name: str) -> AccountId | None:
        """The account with this login name or own address."""
        entry = (await self._newest()).find(name)
        return None if entry is None else entry.record.account

    async def owns(self, account: AccountId, address: Address) -> bool:
        """Whether mail to the address leads to the account alone."""
        return (await self._newest()).owner(address) == account

    async def may_act_as(self, authcid: AccountId, authzid: str) -> AccountId | None:
        """The account that `authzid` names, if it is `authcid` itself or `authcid` is a master."""
        book = await self._newest()
        entry = book.find(authzid)
        if entry is None:
            return None
        account = entry.record.account
        return account if authcid == account or authcid in book.masters else None

    async def _newest(self) -> AccountBook:
        await trio.lowlevel.checkpoint_if_cancelled()
        now = self._context.clock.monotonic()
        if now >= self._look_at and not self._reading:
            self._look_at = now + LOOK_SECONDS
            stamp = self._source.stamp()
            if stamp != self._tried:
                await self._read_again(stamp)
        return self._book

    async def _read_again(self, stamp: Stamp | None) -> None:
        self._reading = True
        diagnostics, path = self._context.diagnostics, self.source_path
        try:
            book, read_stamp, _ = await trio.to_thread.run_sync(self._source.read)
            if read_stamp != self._source.stamp():
                return  # it changed meanwhile; the next check reads it again
            _refuse_loss(self._book, book)
            self._book, self._tried = book, read_stamp
        except BrokenFile as error:
            self._tried = stamp
            diagnostics.error("accounts.broken", path=path, failure=str(error), kept="old accounts")
        else:
            diagnostics.info("accounts.read", path=path, accounts=len(self._book.entries))
        finally:
            self._reading = False


def _refuse_loss(old: AccountBook, new: AccountBook) -> None:
    if old.entries and not new.entries:
        raise BrokenFile(["it has no accounts any more; restart thurn if that is intended"])


async def open_accounts(settings: FileSettings, context: Context) -> FileAccounts:
    """The product of one instance; it has read the file.

    Raises:
        ConfigError: the file cannot be used; there is one finding for each mistake.
    """
    source = Source(settings)
    try:
        book, stamp, world_readable = await trio.to_thread.run_sync(source.read)
    except BrokenFile as error:
        raise ConfigError([f"{source.path}: {text}" for text in error.findings]) from error
    if world_readable:
        context.diagnostics.warning("accounts.world_readable", path=str(source.path))
    return FileAccounts(source, context, book, stamp)
