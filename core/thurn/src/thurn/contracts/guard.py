"""Guards judge what is about to enter a store, before it is prepared. Quota is a guard.

The host asks `check_append` at RCPT, with the size that the peer has declared. At the end of data,
and before APPEND and COPY, a `HoldingGuard` is asked for a hold, and every other guard for
`check_append`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from thurn.contracts.account import AccountRecord
from thurn.contracts.store import AccountHandle, Deposit


class Guard(Protocol):
    """Judges messages that are appended or copied."""

    async def check_append(
        self, record: AccountRecord, account: AccountHandle, mailbox: str, size_octets: int
    ) -> None:
        """Permit it, or raise a StorageError such as OverQuota. Of two at the same time both may be
        permitted although only one has room."""


@runtime_checkable
class HoldingGuard(Guard, Protocol):
    """A guard that is exact although several messages come at the same time.

    What a hold takes counts for every later question until the hold ends. Its changes have no
    resource and no record: they are committed in one group with the messages, so that the hold ends
    in the same moment in which the messages become visible (`Change.applied`), or by `abort`.
    """

    async def hold_append(
        self,
        record: AccountRecord,
        account: AccountHandle,
        mailbox: str,
        size_octets: int,
        messages: int = 1,
    ) -> Deposit:
        """Permit it and hold the room, or raise a StorageError.

        Args:
            record: of the account.
            account: the account, as the host or its owner sees it.
            mailbox: the name of the target, which may be missing.
            size_octets: of all these messages together.
            messages: how many they are.

        Returns:
            The hold: committed with the messages, or aborted. `abort` after the end does nothing.
        """


QuotaResource: TypeAlias = Literal["STORAGE", "MESSAGE", "MAILBOX"]
"""What a quota bounds, in the words of RFC 9208 §5: octets, messages, mailboxes."""


@dataclass(frozen=True, slots=True)
class Quota:
    """How much of a resource an account uses and may use.

    Attributes:
        usage: octets of STORAGE, or a count; copies count as messages of their own, and what was
            expunged never counts.
        limit: in the same unit; None: it is not bounded.
        source: who set the limit: "account" (SETQUOTA, `thurn quota set`), "record" (the
            directory), "default" (the guard's settings), or "" where there is no limit.
    """

    resource: QuotaResource
    usage: int
    limit: int | None
    source: str = ""


@runtime_checkable
class QuotaGuard(Guard, Protocol):
    """A guard that bounds resources by account, and tells and changes the limits."""

    async def quotas(self, record: AccountRecord, account: AccountHandle) -> Sequence[Quota]:
        """Usage and limit of every resource, in the order of `QuotaResource`. Raises
        StorageError."""

    async def set_limits(
        self, account: AccountHandle, limits: Mapping[QuotaResource, int | None]
    ) -> None:
        """Set the account's own limits, durably, instead of all that were set before.

        Args:
            account: as the host or its owner sees it.
            limits: None: the resource is not bounded. For a resource that is missing here, what the
                directory or the settings say counts again.

        Raises:
            StorageError: nothing was changed.
        """

    async def check_create(self, record: AccountRecord, account: AccountHandle, name: str) -> None:
        """Permit one more mailbox of this name, or raise a StorageError."""
