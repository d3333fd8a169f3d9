"""What one connection's session knows, and the few things that every command does with it.

Rules of this file:
1. A transaction that is open ends here exactly once: answered, refused or abandoned.
2. Replies wait in the engine until the octets that have come are used up, so that a group of
   commands is answered by one send; a step that was slow sends them earlier. RFC 2920 §3.2.
3. Refusals that a peer could use for guessing are counted and slow it down. RFC 5321 §7.8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import trio
from thurn.plugin import (
    Connection,
    Diagnostics,
    Gate,
    Granted,
    Login,
    Mailflow,
    Refusal,
    Session,
    Status,
    Transaction,
)
from thurn_kit.spool import Spool, SpooledContent
from thurn_wire.smtp.config import SmtpConfig
from thurn_wire.smtp.server import SmtpServer
from thurn_wire.smtp.state import State

from thurn_listener_smtp.reply import refusal_of
from thurn_listener_smtp.settings import SmtpSettings

COMMAND_OCTETS: Final = 16_384
"""Of one receive between commands: a group of commands, and no more memory per idle peer."""
CONTENT_OCTETS: Final = 65_536
"""Of one receive inside content: fewer calls; the host's connection gives no more."""
LATE_SECONDS: Final = 1.0
"""Replies wait for the rest of their group at most until a step took this long."""
SLOW_SECONDS: Final = 1.0
"""Before each refusal beyond half of `errors`: guessing costs the peer time, us nothing."""

_INSIDE_CONTENT: Final = frozenset({State.CONTENT, State.CHUNK})


@dataclass(frozen=True, slots=True)
class Parts:
    """What all connections of one listener share."""

    settings: SmtpSettings
    engine: SmtpConfig
    mailflow: Mailflow
    gate: Gate
    diagnostics: Diagnostics
    spool: Spool


class Conversation:
    """The state of one connection beyond the engine's.

    Attributes:
        transaction: the one that is open, if any.
        spooled: content of it that has been written to a file already.
        login: the SASL exchange under way.
        granted: its success, while the peer has yet to take its last octets.
        attempts: logins refused so far.
        at_connect: what the connection stage has decided; it outlives STARTTLS.
    """

    __slots__ = (
        "_received_at",
        "at_connect",
        "attempts",
        "connection",
        "engine",
        "gate",
        "granted",
        "login",
        "mailflow",
        "parts",
        "refusals",
        "session",
        "spooled",
        "transaction",
    )

    def __init__(self, parts: Parts, connection: Connection, session: Session) -> None:
        self.parts = parts
        self.mailflow = parts.mailflow
        self.gate = parts.gate
        self.connection = connection
        self.session = session
        self.engine = SmtpServer(parts.engine, tls_active=connection.tls is not None)
        self.transaction: Transaction | None = None
        self.spooled: SpooledContent | None = None
        self.login: Login | None = None
        self.granted: Granted | None = None
        self.attempts = 0
        self.refusals = 0
        self.at_connect: Refusal | None = None
        self._received_at = 0.0

    # --- octets

    async def receive(self) -> None:
        """Send what waits, then give the engine what the peer sends next."""
        await self.flush()
        connection, engine = self.connection, self.engine
        connection.extend(self.parts.settings.idle)
        inside = engine.state in _INSIDE_CONTENT
        octets = await connection.receive(CONTENT_OCTETS if inside else COMMAND_OCTETS)
        self._received_at = trio.current_time()
        if connection.closing and self.transaction is None:
            engine.drain()  # RFC 5321 §3.8: 421 to the next command
        engine.receive_data(octets)

    async def flush(self) -> None:
        """Send the replies that wait."""
        octets = self.engine.data_to_send()
        if octets:
            await self.connection.send(octets)

    @property
    def is_late(self) -> bool:
        """Whether replies have waited long; asked once until they have again."""
        now = trio.current_time()
        if now - self._received_at <= LATE_SECONDS:
            return False
        self._received_at = now
        return True

    # --- answers

    @property
    def lacks_tls(self) -> bool:
        """Whether the site wants TLS first and there is none."""
        return self.parts.settings.require_tls and self.session.tls is None

    async def refuse(self, status: Status, *, counts: bool = True) -> None:
        """Answer the last event with a refusal; a permanent one counts as an error."""
        reply = refusal_of(status)
        if not counts or reply.code < 500:
            self.engine.send(reply)
            return
        self.refusals += 1
        if self.refusals > self.parts.settings.errors // 2:
            await self.flush()
            await trio.sleep(SLOW_SECONDS)
        self.engine.send(reply)
        self.engine.count_error()

    # --- what ends

    def end_transaction(self) -> None:
        """The open transaction has been answered or refused: forget it and its file."""
        self.transaction = None
        if self.spooled is not None:
            self.spooled.remove()
            self.spooled = None

    def abandon(self) -> None:
        """The open transaction, if there is one, comes to nothing. RFC 5321 §4.1.1.5."""
        if self.transaction is not None:
            self.mailflow.abandon(self.transaction)
        self.end_transaction()

    def end_login(self) -> None:
        """The exchange under way, if there is one, comes to nothing."""
        self.granted = None
        if self.login is not None:
            self.login.cancel()
            self.login = None
