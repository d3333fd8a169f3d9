"""What the mail flow of one listener consists of; made once, when the site opens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from thurn.chain.runner import Chain
from thurn.contracts.account import Directory
from thurn.contracts.clock import Clock
from thurn.contracts.context import Diagnostics, Events
from thurn.contracts.filter import MessageFilter
from thurn.contracts.ledger import Ledger
from thurn.contracts.policy import ConnectionPolicy, HelloPolicy, RecipientPolicy, SenderPolicy
from thurn.contracts.relay import RelayPolicy
from thurn.delivery.parts import DeliveryParts
from thurn.mailflow.late import LateCommits
from thurn.telemetry.ids import IdMaker
from thurn.telemetry.journal import Journal
from thurn.telemetry.lines import MailLines
from thurn.types.address import Address


@dataclass(frozen=True, slots=True)
class Chains:
    """The rules of a listener, stage by stage."""

    connection: Chain[ConnectionPolicy]
    hello: Chain[HelloPolicy]
    sender: Chain[SenderPolicy]
    recipient: Chain[RecipientPolicy]
    relay: Chain[RelayPolicy]
    filters: Chain[MessageFilter]


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """The numbers and words of a listener's mail flow.

    Attributes:
        reject_at: "recipient": refusals of connection, hello and sender are answered at RCPT, so
            that the journal has sender and recipient; "once": they are answered at once.
        reserve_octets: free space on the disk below which MAIL is answered 452; it is what the
            ledger never gives out.
        require_login: whether mail is accepted only after a login (RFC 6409 §4.3).
        postmaster: the address that gets mail for postmaster; None: the site names no such address.
        submission: whether messages are completed (`thurn.mailflow.submission`).
    """

    hostname: str
    size_limit_octets: int
    reject_at: str = "recipient"
    reserve_octets: int = 64 * 2**20
    require_login: bool = False
    postmaster: Address | None = None
    submission: bool = False


@dataclass(frozen=True, slots=True)
class FlowPlan:
    """Everything a flow uses."""

    settings: FlowSettings
    chains: Chains
    directory: Directory
    delivery: DeliveryParts
    journal: Journal
    events: Events
    diagnostics: Diagnostics
    clock: Clock
    ids: IdMaker
    late: LateCommits
    lines: MailLines
    ledger: Ledger
    free_octets: Callable[[], int] = field(repr=False)
    """Octets free on the commit log's disk; asked for each transaction, because a fast peer can
    fill a disk within a second."""
