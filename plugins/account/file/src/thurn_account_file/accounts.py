"""The product: judges claims and answers look-ups from the newest good state of the file.

Rules of this file:
1. The file is looked at each second at most, when somebody asks, and read again when it has
   changed: in a thread, while others go on with what was known. A broken one changes nothing and
   is told once; nor does one that has lost all its accounts, or changes while it is read: it is
   being written, and mail for those who are not yet in it would be refused for good.
2. Look-ups do not wait (no scheduling point: they are per recipient), hashes run in threads, two
   at a time: argon2 takes 19 MiB each, and a login storm must not take the memory.
3. A name without a password here is Unknown: somebody else may have it.
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
"""Between two looks at the file; a stat takes microseconds, but not per recipient."""
HASHES: Final = 2
"""At the same time."""


class FileAccounts:
    """See `thurn.contracts.account.CredentialVerifier` and `Directory`."""

    def __init__(self, source: Source, context: Context, book: AccountBook, stamp: Stamp) -> None:
        self._source = source
        self._context = context
        self._book = book
        self._tried: Stamp | None = stamp
        self._look_at = context.clock.monotonic() + LOOK_SECONDS
        self._reading = False
        self._limiter = trio.CapacityLimiter(HASHES)
        self._made = NOBODY
        self._decoy_of: AccountBook | None = None

    @property
    def source_path(self) -> str:
        """The file, for messages."""
        return str(self._source.path)

    async def verify(self, claim: Claim) -> Verdict:
        """Is it true? Only passwords are judged; tokens are Unknown here.

        Cancellation: the hash is finished first, in its thread.
        """
        entry = (await self._newest()).find(claim.name)
        if entry is None or not entry.has_credential or claim.kind != "password":
            return Unknown()
        # Without a password it is proved by a mechanism like SCRAM, and by nothing else.
        password = entry.password or await self._decoy()
        right = await self._is(password, claim)
        if not right or entry.password is None:
            return Denied()
        if not entry.record.enabled:
            return Denied("account.disabled")
        return Verified(entry.record.account)

    async def verify_nobody(self, claim: Claim) -> None:
        """The time of a wrong password.

        Cancellation: the hash is finished first, in its thread.
        """
        if claim.kind == "password":
            await self._is(await self._decoy(), claim)

    async def _is(self, stored: PasswordHash, claim: Claim) -> bool:
        secret = claim.secret.reveal()
        return await trio.to_thread.run_sync(stored.matches, secret, limiter=self._limiter)

    async def _decoy(self) -> PasswordHash:
        """A made-up hash that takes the work of those that most accounts have."""
        book = await self._newest()
        if self._decoy_of is not book:
            self._made = await trio.to_thread.run_sync(book.decoy, limiter=self._limiter)
            self._decoy_of = book
        return self._made

    async def revision(self) -> Hashable:
        """Another one after the file has changed."""
        await self._newest()
        return self._tried

    async def stored_key(self, query: StoredKeyQuery) -> KeyAnswer:
        """What is stored for a name."""
        entry = (await self._newest()).find(query.name)
        if entry is None or not entry.has_credential:
            return Unknown()
        value = entry.stored_keys.get(query.scheme)
        if value is None or not entry.record.enabled:
            return Denied()
        return StoredKey(entry.record.account, Secret(value))

    async def resolve(self, address: Address) -> Resolution:
        """What mail to this address means."""
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
        """Whether mail to this address leads to the account and to nobody else."""
        return (await self._newest()).owner(address) == account

    async def may_act_as(self, authcid: AccountId, authzid: str) -> AccountId | None:
        """The account itself, whatever spelling; any account for the masters."""
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
            book, read, _ = await trio.to_thread.run_sync(self._source.read)
            if read != self._source.stamp():
                return  # the next look reads it
            _refuse_loss(self._book, book)
            self._book, self._tried = book, read
        except BrokenFile as error:
            self._tried = stamp
            diagnostics.error("accounts.broken", path=path, failure=str(error), kept="old accounts")
        else:
            diagnostics.info("accounts.read", path=path, accounts=len(self._book.entries))
        finally:
            self._reading = False


def _refuse_loss(old: AccountBook, new: AccountBook) -> None:
    if old.entries and not new.entries:
        raise BrokenFile(["has no accounts any more; restart if that is meant"])


async def open_accounts(settings: FileSettings, context: Context) -> FileAccounts:
    """The product, with the file read.

    Raises:
        ConfigError: the file cannot be used; one finding for each thing that is wrong.
    """
    source = Source(settings)
    try:
        book, stamp, readable = await trio.to_thread.run_sync(source.read)
    except BrokenFile as error:
        raise ConfigError([f"{source.path}: {text}" for text in error.findings]) from error
    if readable:
        context.diagnostics.warning("accounts.world_readable", path=str(source.path))
    return FileAccounts(source, context, book, stamp)
