"""Listeners speak a protocol on connections that the host has accepted and bounds."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network
from socket import socket
from typing import Annotated, Literal, Protocol, Self, runtime_checkable

from pydantic import AfterValidator, Field, model_validator

from thurn.contracts.connection import Connection
from thurn.contracts.settings import (
    AccountRef,
    DeliveryRef,
    Duration,
    FilterRef,
    GuardRef,
    LoginRef,
    PolicyRef,
    RelayRef,
    SaslRef,
    Settings,
    Size,
    TlsRef,
)
from thurn.types.bind import parse_bind
from thurn.types.errors import ConfigError
from thurn.types.session import Session


def _checked_bind(spec: str) -> str:
    try:
        parse_bind(spec)
    except ConfigError as error:
        raise ValueError("; ".join(error.findings)) from None
    return spec


def _checked_proxy(text: str) -> str:
    try:
        return text if text == "unix" else str(ip_network(text))
    except ValueError as error:
        raise ValueError(f'{error}; write a network, an address, or "unix"') from None


class ListenerSettings(Settings):
    """The settings that every listener has; a listener's own model derives from this one."""

    bind: tuple[Annotated[str, AfterValidator(_checked_bind)], ...] = Field(
        min_length=1,
        description='Where to listen: "address:port", "[v6]:port", "*:port", or "unix:/path".',
    )
    tls: TlsRef | None = Field(default=None, description="The TLS instance with the certificates.")
    tls_mode: Literal["starttls", "implicit", "none"] = Field(
        default="starttls", description="Encrypt on request, from the first octet, or never."
    )
    accounts: tuple[AccountRef, ...] = Field(
        default=(), description="Account sources, in order; the first that knows a name answers."
    )
    sasl: tuple[SaslRef, ...] = Field(default=(), description="Mechanisms offered at login.")
    login: tuple[LoginRef, ...] = Field(default=(), description="Login policies, in order.")
    plaintext_without_tls: bool = Field(
        default=False,
        description="Accept passwords on connections that are not encrypted; for loopback only.",
    )
    connections: int = Field(
        default=10_000,
        ge=1,
        description="The most open connections in each worker; a tenth is kept for addresses that "
        "have none.",
    )
    connections_per_address: int = Field(
        default=200,
        ge=1,
        description="The most open connections from one IPv4 address or IPv6 /64, over all "
        "workers: an office has one address, and a mail program opens five and more. Sessions that "
        "go on after a reload are not counted.",
    )
    proxies: tuple[Annotated[str, AfterValidator(_checked_proxy)], ...] = Field(
        default=(),
        description="Proxies in front of this listener: networks and addresses, or "
        '"unix" for peers of a unix socket. Each of their connections begins with a PROXY header.',
    )
    idle: Duration = Field(
        gt=0, default=300.0, description="How long a connection may be silent before it is ended."
    )
    total: Duration = Field(gt=0, default=86_400.0, description="How long a connection may last.")
    handshake: Duration = Field(
        gt=0, default=30.0, description="How long a TLS handshake may take."
    )

    @model_validator(mode="after")
    def _implicit_tls_needs_certificates(self) -> Self:
        if self.tls_mode == "implicit" and self.tls is None:
            raise ValueError('tls_mode = "implicit" needs tls = "…"')
        return self


class ReceivingSettings(ListenerSettings):
    """The further settings of a listener that receives mail; the host builds its mail flow from
    them."""

    policies: tuple[PolicyRef, ...] = Field(
        default=(), description="What judges connection, hello, sender and recipient, in order."
    )
    relay: tuple[RelayRef, ...] = Field(
        default=(),
        description="What permits sending to elsewhere, in order; if nothing does, it is refused.",
    )
    filters: tuple[FilterRef, ...] = Field(
        default=(), description="What judges whole messages, in order."
    )
    delivery: tuple[DeliveryRef, ...] = Field(
        default=(),
        description="Accounts' own rules (Sieve), in order; without any, mail goes to INBOX.",
    )
    guards: tuple[GuardRef, ...] = Field(
        default=(), description="What judges messages that enter a store (quota), in order."
    )
    size_limit: Size = Field(default=50 * 2**20, description="The largest message. RFC 1870.")
    reject_at: Literal["recipient", "once"] = Field(
        default="recipient",
        description="When refusals of connection, hello and sender are answered: at RCPT, or "
        "at once.",
    )
    require_login: bool = Field(default=False, description="Accept mail only after a login.")
    submission: bool = Field(
        default=False,
        description="Mail comes from people's mail programs: before the filters, Bcc is removed "
        "and a missing Date, Message-ID or Sender is added. RFC 6409 §8.",
    )


@runtime_checkable
class Listener(Protocol):
    """The usual form: the host accepts, bounds and encrypts connections; the listener speaks."""

    @property
    def protocol(self) -> str:
        """The word for `Session.protocol` and for `services` of accounts: such as "imap"."""

    async def serve(self, connection: Connection, session: Session) -> None:
        """Speak until the peer or the session has ended. On return the host closes the connection.

        An exception ends this connection only; the host sends `farewell("error")` before it closes.
        """

    def farewell(self, reason: Literal["error", "closing", "busy", "idle"]) -> bytes:
        """The octets to send before the host closes a connection for this reason, or b""."""


@runtime_checkable
class SocketListener(Protocol):
    """The other form, for servers that accept connections themselves (HTTP)."""

    async def serve_sockets(self, sockets: Sequence[socket]) -> None:
        """Serve on these listening sockets until cancelled."""
