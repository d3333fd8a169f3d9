"""Sessions and transactions as the host makes them, without a connection.

transaction = make_transaction(make_session(identity=make_identity("alice")))
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import count
from typing import Final

from thurn.types.address import Address
from thurn.types.identity import AccountId, Identity
from thurn.types.session import Session, TlsState, Transaction

PEER: Final = "203.0.113.9"
"""The address of a stranger, from a block for documentation (RFC 5737)."""
TLS: Final = TlsState("TLSv1.3", "TLS_AES_256_GCM_SHA384")

_numbers = count(1)


class RecordingEntry:
    """A journal entry that keeps what is written into it."""

    def __init__(self) -> None:
        self.facts: dict[str, object] = {}
        self.stages: list[tuple[str, str, str]] = []

    def note(self, **facts: object) -> None:
        """Keep these facts."""
        self.facts.update(facts)

    def stage(self, stage: str, instance: str, decision: str, **facts: object) -> None:
        """Keep what was decided."""
        self.stages.append((stage, instance, decision))


def make_identity(
    account: str, *, groups: frozenset[str] = frozenset(), secured: bool = True
) -> Identity:
    """A login that succeeded."""
    return Identity(AccountId(account), account, "PLAIN", secured, groups)


def make_session(
    *,
    peer: str | None = PEER,
    identity: Identity | None = None,
    hello: str = "client.example",
    protocol: str = "smtp",
    tls: TlsState | None = None,
) -> Session:
    """A session of this peer; None for the peer of a unix socket."""
    address: IPv4Address | IPv6Address | None = None if peer is None else ip_address(peer)
    return Session(
        id=f"s{next(_numbers)}",
        listener="listener.test",
        protocol=protocol,
        peer=address,
        peer_port=0 if peer is None else 40_000,
        local_port=25,
        tls=tls,
        hello=hello,
        identity=identity,
    )


def make_transaction(
    session: Session,
    *,
    sender: str | None = "someone@elsewhere.example",
    parameters: Mapping[str, str | None] | None = None,
) -> Transaction:
    """A transaction after MAIL; `sender` None is `<>`."""
    return Transaction(
        id=f"t{next(_numbers)}",
        session=session,
        sender=None if sender is None else Address.parse(sender),
        journal=RecordingEntry(),
        parameters=dict(parameters or {}),
    )
