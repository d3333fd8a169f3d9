"""Events: what subscribers hear afterwards. Nobody answers; emitting one never blocks or raises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from thurn.types.identity import AccountId, Identity
from thurn.types.session import PeerAddress


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A login succeeded."""

    identity: Identity
    protocol: str
    peer: PeerAddress | None


@dataclass(frozen=True, slots=True)
class LoginFailed:
    """A login was refused.

    Attributes:
        name: the login name as the peer gave it, shortened.
        reason: a stable word.
    """

    name: str
    protocol: str
    peer: PeerAddress | None
    reason: str


@dataclass(frozen=True, slots=True)
class MailboxChanged:
    """A mailbox has reached this MODSEQ. A hint to look there: only the store's own numbers
    count."""

    account: AccountId
    mailbox_id: str
    modseq: int


@dataclass(frozen=True, slots=True)
class TransactionEnded:
    """The end of data of a transaction was answered.

    Attributes:
        outcome: "stored", "queued", "discarded", "refused" or "deferred": see `TransactionOutcome`.
    """

    transaction_id: str
    listener: str
    outcome: str
    size_octets: int
    duration_seconds: float


@dataclass(frozen=True, slots=True)
class PluginFailed:
    """A plugin raised, missed its deadline, or gave an answer without meaning."""

    instance: str
    stage: str
    failure: str
    source: str


@dataclass(frozen=True, slots=True)
class QuotaLevelReached:
    """An account uses more than this part of a limit.

    Attributes:
        resource: "STORAGE", "MESSAGE" or "MAILBOX". RFC 9208 §5.
        percent: of the limit; one of the levels that the site has set.
    """

    account: AccountId
    resource: str
    percent: int


Event: TypeAlias = (
    LoggedIn | LoginFailed | MailboxChanged | TransactionEnded | PluginFailed | QuotaLevelReached
)
