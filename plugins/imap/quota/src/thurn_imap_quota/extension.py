"""The extension `imap.quota`: GETQUOTA, GETQUOTAROOT, and SETQUOTA by administrators.

    C: 1 GETQUOTAROOT INBOX
    S: * QUOTAROOT INBOX alice@example.org
    S: * QUOTA alice@example.org (STORAGE 10 512)
    S: 1 OK GETQUOTAROOT done

Rules of this file:
1. An account is one quota root. Its name is the account's address, or its id; "" is one's own.
2. The root of another account exists for administrators only: hidden is the same as absent.
3. STORAGE is told in units of 1,024 octets (RFC 9208 §5.1): usage is rounded up and a limit down,
   so that no client takes a full mailbox for one with room.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final, get_args

from thurn.plugin import (
    AccountFinder,
    AccountHandle,
    AccountId,
    AccountRecord,
    Context,
    Guard,
    PluginError,
    Quota,
    QuotaGuard,
    QuotaResource,
    TemporaryFailure,
    mailbox_name,
    plugin,
)
from thurn_listener_imap.answer import Answer, CommandRefused, done, refused
from thurn_listener_imap.contract import ImapConversation
from thurn_listener_imap.extension import CommandKind, ImapExtension, after_login
from thurn_wire.imap import code, reply

from thurn_imap_quota.settings import QuotaExtensionSettings
from thurn_imap_quota.words import GetQuota, GetQuotaRoot, SetQuota, add_words

UNIT_OCTETS: Final = 1024
"""Octets of one unit of STORAGE. RFC 9208 §5.1."""
RESOURCES: Final[tuple[QuotaResource, ...]] = get_args(QuotaResource)
_NO_ROOT: Final = refused("No such quota root", code.NONEXISTENT)


@dataclass(frozen=True, slots=True)
class Root:
    """A quota root: an account."""

    name: str
    record: AccountRecord
    account: AccountHandle


@dataclass(frozen=True, slots=True)
class QuotaCommands:
    """What the commands do."""

    guard: QuotaGuard
    administrators: frozenset[str]

    async def get_quota(self, conversation: ImapConversation, command: GetQuota) -> Answer:
        """Write the limits of a root. Raises StorageError, CommandRefused."""
        await self._write(conversation, await self._root(conversation, command.root))
        return done("GETQUOTA done")

    async def get_quota_root(self, conversation: ImapConversation, command: GetQuotaRoot) -> Answer:
        """Write the root of a mailbox, which need not exist, and its limits. Raises
        StorageError."""
        name = mailbox_name(command.mailbox, conversation.account.separator)
        root = await self._root(conversation, "")
        words = reply.mailbox(name, utf8=conversation.rev2), _word(conversation, root)
        conversation.write(reply.untagged(b"QUOTAROOT %b %b" % words))
        await self._write(conversation, root)
        return done("GETQUOTAROOT done")

    async def set_quota(self, conversation: ImapConversation, command: SetQuota) -> Answer:
        """Set the limits of a root. Raises StorageError, CommandRefused."""
        if not await self._is_administrator(conversation):
            return refused("Only administrators set quotas", code.NOPERM)
        root = await self._root(conversation, command.root)
        limits: dict[QuotaResource, int | None] = {}
        for resource in RESOURCES:
            for name, limit in command.limits:
                if name == resource:
                    limits[resource] = limit * (UNIT_OCTETS if resource == "STORAGE" else 1)
        if len(limits) != len(command.limits):
            return refused("A resource is given twice, or is not bounded here", code.CANNOT)
        if any(limit is not None and limit >= 2**63 for limit in limits.values()):
            return refused("The limit is too large", code.CANNOT)
        await self.guard.set_limits(root.account, limits)
        await self._write(conversation, root)
        return done("SETQUOTA done")

    async def _write(self, conversation: ImapConversation, root: Root) -> None:
        quotas = await self.guard.quotas(root.record, root.account)
        words = _word(conversation, root), _resources(quotas)
        conversation.write(reply.untagged(b"QUOTA %b (%b)" % words))

    async def _root(self, conversation: ImapConversation, name: str) -> Root:
        own = await _record(conversation, conversation.account.account)
        if name in ("", _name_of(own)):
            return Root(_name_of(own), own, conversation.account)
        identity = conversation.session.identity
        if identity is None or not await self._is_administrator(conversation):
            raise CommandRefused(_NO_ROOT)
        directory = conversation.context.directory
        account = (
            await directory.find_account(name) if isinstance(directory, AccountFinder) else None
        )
        record = await directory.account(account or AccountId(name))
        if record is None:
            raise CommandRefused(_NO_ROOT)
        owner = replace(identity, account=record.account)
        handle = await conversation.context.open_account(record.account, owner)
        return Root(_name_of(record), record, handle)

    async def _is_administrator(self, conversation: ImapConversation) -> bool:
        if not self.administrators:
            return False
        own = await _record(conversation, conversation.account.account)
        return bool(self.administrators & {own.account, _name_of(own)})


async def _record(conversation: ImapConversation, account: AccountId) -> AccountRecord:
    record = await conversation.context.directory.account(account)
    if record is None:
        raise TemporaryFailure(f"account {account} has no record")
    return record


def _name_of(record: AccountRecord) -> str:
    return record.account if record.address is None else str(record.address)


def _word(conversation: ImapConversation, root: Root) -> bytes:
    return reply.astring(root.name.encode(), utf8=conversation.rev2)


def _resources(quotas: Sequence[Quota]) -> bytes:
    """Those that are bounded. RFC 9208 §4.2.1."""
    words: list[bytes] = []
    for one in quotas:
        if one.limit is None:
            continue
        unit = UNIT_OCTETS if one.resource == "STORAGE" else 1
        usage, limit = -(-one.usage // unit), one.limit // unit
        words.append(b"%b %d %d" % (one.resource.encode(), usage, limit))
    return b" ".join(words)


def make_extension(guard: QuotaGuard, administrators: frozenset[str]) -> ImapExtension:
    """The extension with a guard; QUOTASET is announced if there is an administrator."""
    commands = QuotaCommands(guard, administrators)
    capabilities = ["QUOTA", *(f"QUOTA=RES-{resource}" for resource in RESOURCES)]
    if administrators:
        capabilities.append("QUOTASET")
    return ImapExtension(
        name="quota",
        capabilities=after_login(*capabilities),
        grammar=add_words,
        commands={
            GetQuota: CommandKind(commands.get_quota),
            GetQuotaRoot: CommandKind(commands.get_quota_root),
            SetQuota: CommandKind(commands.set_quota),
        },
    )


@plugin("imap", "quota")
@asynccontextmanager
async def quota(config: QuotaExtensionSettings, context: Context) -> AsyncIterator[ImapExtension]:
    """The extension of one instance."""
    guard: object = context.require(Guard, "guard", config.guard)  # type: ignore[type-abstract]
    if not isinstance(guard, QuotaGuard):
        raise PluginError(f"guard.{config.guard} tells no quotas ({context.source('guard')})")
    yield make_extension(guard, frozenset(config.administrators))
