"""Events: what is told afterwards. Nobody answers; telling never blocks and never raises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from thurn.types.identity import AccountId, Identity
from thurn.types.session import PeerAddress


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A login succeeded (the feed of POP-before-SMTP and of the login history)."""

    identity: Identity
    protocol: str
    peer: PeerAddress | None


@dataclass(frozen=True, slots=True)
class LoginFailed:
    """A login was refused; `reason` is a stable word, the name is shortened."""

    name: str
    protocol: str
    peer: PeerAddress | None
    reason: str


@dataclass(frozen=True, slots=True)
class MailboxChanged:
    """A mailbox has reached this MODSEQ: a hint to look, the store's numbers are the truth."""

    account: AccountId
    mailbox_id: str
    modseq: int


@dataclass(frozen=True, slots=True)
class TransactionEnded:
    """A transaction was answered; `outcome` is "stored", "queued", "discarded", "refused" or
    "deferred"."""

    transaction_id: str
    listener: str
    outcome: str
    size_octets: int
    duration_seconds: float


@dataclass(frozen=True, slots=True)
class PluginFailed:
    """A plugin raised, overran its deadline, or answered nonsense."""

    instance: str
    stage: str
    failure: str
    source: str


Event: TypeAlias = LoggedIn | LoginFailed | MailboxChanged | TransactionEnded | PluginFailed
