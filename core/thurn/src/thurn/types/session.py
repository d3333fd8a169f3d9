"""Sessions and transactions: a session per connection, a transaction from MAIL to the end of
data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Protocol, TypeAlias

from thurn.types.address import Address
from thurn.types.decision import Refusal
from thurn.types.envelope import NO_PARAMETERS, Recipient
from thurn.types.identity import AccountId, Identity
from thurn.types.stash import Stash, StashKey

PeerAddress: TypeAlias = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class TlsState:
    """The encryption of a connection, for trace fields and rules.

    Attributes:
        version: such as "TLSv1.3".
        cipher: OpenSSL's name of the cipher suite.
        server_name: the name that the peer asked for (SNI), in lower case; None: it asked for none.
        end_point: the channel binding "tls-server-end-point": a hash of the certificate that the
            server showed; empty if it is not known. RFC 5929 §4.
        at_proxy: whether TLS ends at a proxy in front of this server, as the proxy says. Behind the
            proxy the octets are not encrypted, and nothing can be bound to the channel.
    """

    version: str
    cipher: str
    server_name: str | None = None
    end_point: bytes = b""
    at_proxy: bool = False


@dataclass(slots=True, eq=False)
class Session:
    """One connection of a peer, from accept to close. The host makes it; plugins read it.

    Attributes:
        id: unique; every log line of the session has it.
        listener: the listener's instance name.
        protocol: "smtp", "lmtp", "pop3", "imap" …; services of an account are named by it.
        peer: the peer's address; None for a unix socket. IPv4-mapped addresses are IPv4.
        hello: the name that the peer gives itself; it proves nothing.
        extended: whether the peer said EHLO or LHLO and not HELO, for trace fields.
        identity: the login; None before there is one.
        remembered: an early refusal that the peer gets at RCPT. See `Mailflow`.
        stash: what plugins keep for this session.
    """

    id: str
    listener: str
    protocol: str
    peer: PeerAddress | None
    peer_port: int = 0
    local_port: int = 0
    tls: TlsState | None = None
    hello: str = ""
    extended: bool = True
    identity: Identity | None = None
    remembered: Refusal | None = None
    stash: Stash = field(default_factory=Stash)


class JournalEntry(Protocol):
    """The journal's entry for one transaction; the host adds to it what each stage decided."""

    def note(self, **facts: object) -> None:
        """Add facts of the transaction as a whole (documented keys only)."""

    def stage(self, stage: str, instance: str, decision: str, **facts: object) -> None:
        """Add what one rule decided."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the directory says that mail for a recipient goes.

    Attributes:
        recipient: the address at the end of all aliases.
        account: the account of this site that has the address; None: mail for it goes elsewhere.
        detail: the part of the local part behind the separator (sub-addressing), if there is one.
        next_hop: the host to which the directory routes mail for elsewhere; "" if it names none,
            and for an account.
    """

    recipient: Recipient
    account: AccountId | None
    detail: str | None = None
    next_hop: str = ""


@dataclass(slots=True, eq=False)
class Transaction:
    """One message on its way in, from MAIL to the answer to its end of data.

    Attributes:
        id: unique; the reply has it, and `thurn explain` finds the transaction by it.
        sender: the reverse-path; None is the null sender.
        parameters: MAIL's extension words, upper-case keys.
        recipients: the recipients accepted so far, in order, duplicates included.
        targets: where each of `recipients` leads, in the same order; an alias may lead to many.
    """

    id: str
    session: Session
    sender: Address | None
    journal: JournalEntry
    parameters: Mapping[str, str | None] = field(default_factory=lambda: NO_PARAMETERS)
    recipients: list[Recipient] = field(default_factory=list)
    targets: list[tuple[Target, ...]] = field(default_factory=list)
    stash: Stash = field(default_factory=Stash)


RELAYED_FOR: Final = StashKey[frozenset[AccountId]]("relay.relayed_for")
"""The accounts on whose behalf a relay rule permitted recipients elsewhere although nobody has
logged in (ADR 0002). The rule that permits sets it on the transaction, so that nothing later has to
ask again, when the answer may be another one. Absent: no account is known."""
