"""The `[site]` section: what belongs to the site as a whole."""

from __future__ import annotations

import socket
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from thurn_message.address import parse_domain, parse_literal

from thurn.contracts.settings import (
    AccountRef,
    Duration,
    OutgoingRef,
    QueueRef,
    ResolverRef,
    Settings,
    SitePath,
    Size,
    StateRef,
    StoreRef,
)
from thurn.types.address import Address


def _checked(address: str) -> str:
    Address.parse(address)
    return address


def _greeted(hostname: str) -> str:
    """RFC 5321 §2.3.5: the name in greetings is a domain name, or an address literal (§4.1.3)."""
    if hostname.startswith("["):
        return parse_literal(hostname)
    if not hostname.isascii():
        raise ValueError("write the name as it is in DNS, with xn-- labels")
    parse_domain(hostname)
    return hostname


class LogLineSettings(Settings):
    """What has a line in the operator's log, besides what goes wrong."""

    messages: tuple[Literal["accepted", "refused", "deferred", "delivered"], ...] = Field(
        default=("accepted", "refused", "deferred"),
        description="Messages that were accepted; messages, recipients and peers that were refused "
        "for good, or told to come again; copies that were filed into a mailbox.",
    )
    logins: tuple[Literal["succeeded", "refused"], ...] = Field(
        default=("succeeded", "refused"),
        description="Logins. Programs that ban guessers need those that were refused.",
    )


class SiteSettings(Settings):
    """The site."""

    hostname: Annotated[str, AfterValidator(_greeted)] = Field(
        default_factory=socket.getfqdn,
        pattern=r"^[!-~]+$",
        description="The name of this site in greetings and trace fields.",
    )
    data: SitePath = Field(description="The data directory, which one running thurn uses.")
    workers: int = Field(default=0, ge=0, description="Worker processes; 0: one per core.")
    user: str | None = Field(
        default=None,
        description="The system account that thurn becomes after binding, if root starts it.",
    )
    group: str | None = Field(default=None, description="Its group; the account's own if not set.")
    allow_root: bool = Field(
        default=False, description="Keep running as root; for containers only."
    )
    drain: Duration = Field(
        default=600.0,
        description="How long what is under way in sessions may go on after a reload.",
    )
    stop: Duration = Field(default=10.0, description="The same after a stop (SIGTERM).")
    worker_timeout: Duration = Field(
        default=15.0,
        ge=2,
        description="How long a worker may give no heartbeat before it is replaced.",
    )
    state: StateRef | None = Field(
        default=None, description="Where small shared state is kept: grants, limits, greylists."
    )
    resolver: ResolverRef | None = Field(
        default=None,
        description="What asks the DNS. If not set, the system's resolver finds addresses, and "
        "plugins can ask for nothing else.",
    )
    accounts: tuple[AccountRef, ...] = Field(
        default=(),
        description="The site's directory: what is asked where mail for an address goes.",
    )
    store: StoreRef | None = Field(default=None, description="Where mail of accounts is kept.")
    queue: QueueRef | None = Field(default=None, description="Where mail for elsewhere waits.")
    outgoing: tuple[OutgoingRef, ...] = Field(
        default=(),
        description="What edits and signs mail for elsewhere, in order: first all that edit, then "
        "all that sign.",
    )
    postmaster: Annotated[str, AfterValidator(_checked)] | None = Field(
        default=None,
        description="The address that gets mail for postmaster, without a domain or in one of the "
        "site that has no such address.",
    )
    journal_retention: Duration = Field(
        default=1_209_600.0, le=100 * 366 * 86_400, description="How long the journal is kept."
    )
    log: LogLineSettings = Field(
        default=LogLineSettings(), description="What has a line in the operator's log."
    )
    memory: Size = Field(
        default=256 * 2**20,
        ge=2**20,
        description="Memory for contents on their way in, in each worker. What does not fit waits "
        "in files, and messages beyond it are scanned one after the other; one is always scanned.",
    )
    segment: Size = Field(default=16 * 2**20, description="Size of a commit log segment.")
    sync: Literal["auto", "inline", "thread"] = Field(
        default="auto",
        description="Where the commit log syncs: in the event loop, in a thread, or as is faster.",
    )
