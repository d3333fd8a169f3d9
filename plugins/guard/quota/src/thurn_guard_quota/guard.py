"""The guard: whether messages and mailboxes still fit.

Rules of this file:
1. The store's own numbers are the usage. There is no counter here that could be wrong.
2. Between reading the usage and beginning a hold no task of this worker runs.
3. An account that is over a limit already (it was lowered) may shrink, move and read, and gets
   nothing new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from thurn.plugin import (
    AccountHandle,
    AccountRecord,
    Clock,
    Deposit,
    OverQuota,
    Quota,
    QuotaResource,
    Status,
)

from thurn_guard_quota.hold import Holds, Room
from thurn_guard_quota.limits import limits_of, quotas_of, usages, write_limits
from thurn_guard_quota.settings import QuotaSettings
from thurn_guard_quota.warning import Warnings


class OverQuotaForGood(OverQuota):
    """The account's quota is used up, and the site does not want the peer to try again."""

    status = Status(552, "5.2.2", "The mailbox is full")


class StorageQuota:
    """See `thurn.contracts.guard`: a `HoldingGuard` and a `QuotaGuard`."""

    def __init__(self, config: QuotaSettings, clock: Clock, warnings: Warnings) -> None:
        self._config = config
        self._holds = Holds(clock)
        self._warnings = warnings

    async def check_append(
        self, record: AccountRecord, account: AccountHandle, mailbox: str, size_octets: int
    ) -> None:
        """Permit a message that fits beside what is stored and held."""
        await self._judge(record, account, {"STORAGE": size_octets, "MESSAGE": 1})

    async def hold_append(
        self,
        record: AccountRecord,
        account: AccountHandle,
        mailbox: str,
        size_octets: int,
        messages: int = 1,
    ) -> Deposit:
        """Hold the room of messages that fit."""
        room: Room = {"STORAGE": size_octets, "MESSAGE": messages}
        before = await self._judge(record, account, room)
        ended = partial(self._warnings.look, record, before, room)
        return self._holds.begin(record.account, room, ended)

    async def quotas(self, record: AccountRecord, account: AccountHandle) -> Sequence[Quota]:
        """Usage and limit of every resource."""
        return await quotas_of(self._config, record, account)

    async def set_limits(
        self, account: AccountHandle, limits: Mapping[QuotaResource, int | None]
    ) -> None:
        """Set the account's own limits."""
        await write_limits(account, limits)

    async def check_create(self, record: AccountRecord, account: AccountHandle, name: str) -> None:
        """Permit a mailbox, with those above it that are missing."""
        limit, _ = (await limits_of(self._config, record, account))["MAILBOX"]
        if limit is None:
            return
        names = {one.name for one in await account.mailboxes()}
        levels = name.split(account.separator)
        paths = {account.separator.join(levels[:count]) for count in range(1, len(levels) + 1)}
        if len(names | paths) > max(limit, len(names)):
            raise OverQuota

    async def _judge(
        self, record: AccountRecord, account: AccountHandle, room: Room
    ) -> Sequence[Quota]:
        """The quotas before the messages are stored. Raises StorageError where they do not fit."""
        limits = await limits_of(self._config, record, account)
        if all(limits[resource][0] is None for resource in room):
            return []
        used = await usages(account)  # the last await: see rule 2
        quotas: list[Quota] = []
        for resource, wanted in room.items():
            limit, source = limits[resource]
            usage = used[resource] + self._holds.total(record.account, resource)
            if limit is not None and usage + wanted > limit:
                raise OverQuotaForGood if self._config.when_full == "refuse" else OverQuota
            quotas.append(Quota(resource, usage, limit, source))
        return quotas
