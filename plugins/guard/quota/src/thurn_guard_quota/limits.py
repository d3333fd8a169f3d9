"""The limits of an account, and who has set each of them.

Rules of this file: what was set for the account itself (SETQUOTA, `thurn quota set`) counts before
the directory's record, and the record before the settings. The account's own limits are annotations
of the account, so that they are in the store's log, its backups and its moves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, get_args

from thurn.plugin import AccountHandle, AccountRecord, Quota, QuotaResource

from thurn_guard_quota.settings import QuotaSettings

RESOURCES: Final[tuple[QuotaResource, ...]] = get_args(QuotaResource)
PREFIX: Final = "/shared/vendor/thurn/quota/"
"""The annotations' names, before the resource in lower case. RFC 5464 §6.2.1 (vendor)."""
UNBOUNDED: Final = b"none"
"""The value of an annotation that takes a bound away."""
LARGEST: Final = 2**63 - 1
"""The largest limit. RFC 9208 §4.1.3 (number64)."""


async def usages(account: AccountHandle) -> dict[QuotaResource, int]:
    """What the account uses of each resource, as the store has it now. Raises StorageError."""
    records = await account.mailboxes()
    return {
        "STORAGE": sum(record.size_octets for record in records),
        "MESSAGE": sum(record.messages for record in records),
        "MAILBOX": len(records),
    }


async def limits_of(
    config: QuotaSettings, record: AccountRecord, account: AccountHandle
) -> dict[QuotaResource, tuple[int | None, str]]:
    """Each limit with the word for who has set it (see `Quota.source`). Raises StorageError."""
    own = await account.annotations()
    recorded = {"STORAGE": record.quota_octets, "MESSAGE": record.quota_messages}
    default = {
        "STORAGE": config.storage,
        "MESSAGE": config.messages,
        "MAILBOX": config.mailboxes,
    }
    found: dict[QuotaResource, tuple[int | None, str]] = {}
    for resource in RESOURCES:
        written = own.get(PREFIX + resource.lower())
        if written is not None:
            found[resource] = (_parse(written), "account")
        elif recorded.get(resource) is not None:
            found[resource] = (recorded[resource], "record")
        else:
            limit = default[resource]
            found[resource] = (limit, "" if limit is None else "default")
    return found


async def quotas_of(
    config: QuotaSettings, record: AccountRecord, account: AccountHandle
) -> Sequence[Quota]:
    """Usage and limit of each resource. Raises StorageError."""
    limits = await limits_of(config, record, account)
    used = await usages(account)
    return [Quota(resource, used[resource], *limits[resource]) for resource in RESOURCES]


async def write_limits(account: AccountHandle, limits: Mapping[QuotaResource, int | None]) -> None:
    """Set the account's own limits instead of all that were set before. Raises StorageError."""
    before = await account.annotations()
    for resource in RESOURCES:
        entry = PREFIX + resource.lower()
        value: bytes | None = None
        if resource in limits:
            limit = limits[resource]
            value = UNBOUNDED if limit is None else b"%d" % limit
        if value != before.get(entry):
            await account.annotate(entry, value)


def _parse(written: bytes) -> int | None:
    """The limit of an annotation. What is not a number was not written by this plugin, and bounds
    nothing."""
    return int(written) if written.isdigit() and len(written) <= len(str(LARGEST)) else None
