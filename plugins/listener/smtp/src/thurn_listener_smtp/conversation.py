"""The state of one session, and the few things that every command does with it.

Rules of this file:
1. An open transaction ends here exactly once: it is answered, refused or abandoned.
2. Replies wait in the engine until all received octets are used, so that a group of commands is
   answered by one send; a slow step sends them earlier. RFC 2920 §3.2.
3. Refusals that help to guess are counted, and slow the peer down. RFC 5321 §7.8.
"""

from __future__ import annotations

from typing import Final

import trio
from thurn.plugin import (
    Connection,
    Granted,
    LedgerShare,
    Login,
    Refusal,
    Session,
    Status,
    StorageError,
    Transaction,
)
from thurn_kit.pace import Pace
from thurn_kit.spool import SpooledContent
from thurn_wire.smtp.server import SmtpServer
from thurn_wire.smtp.state import State

from thurn_listener_smtp.limits import (
    LATE_SECONDS,
    RECEIVE_CONTENT_OCTETS,
    RECEIVE_OCTETS,
    SLOW_SECONDS,
    UNCOUNTED_OCTETS,
)
from thurn_listener_smtp.parts import SmtpParts
from thurn_listener_smtp.reply import refusal_of

_INSIDE_CONTENT: Final = frozenset({State.CONTENT, State.CHUNK})


class Conversation:
    """The state of one session beyond the engine's.

    Attributes:
        parts: what all sessions of the listener share.
        mailflow, gate: those of the parts.
        connection: what the session speaks through.
        session: the host's.
        engine: the engine of the protocol.
        transaction: the open transaction, if any.
        share: what its content holds of memory and disk, while it comes.
        pace: the time that its content may take, while it comes.
        spooled: the part of its content that is in a file already.
        login: the SASL exchange under way.
        granted: its success, while the peer has yet to answer the success's octets.
        failed_logins: logins that were refused.
        refusals: refusals since the last accepted message that help to guess.
        at_connect: what the connection stage has decided; it outlives STARTTLS.
    """

    __slots__ = (
        "_received_at",
        "at_connect",
        "connection",
        "engine",
        "failed_logins",
        "gate",
        "granted",
        "login",
        "mailflow",
        "pace",
        "parts",
        "refusals",
        "session",
        "share",
        "spooled",
        "transaction",
    )

    def __init__(self, parts: SmtpParts, connection: Connection, session: Session) -> None:
        self.parts = parts
        self.mailflow = parts.mailflow
        self.gate = parts.gate
        self.connection = connection
        self.session = session
        self.engine = SmtpServer(
            parts.engine_for(session.peer), tls_active=connection.tls is not None
        )
        self.transaction: Transaction | None = None
        self.share: LedgerShare | None = None
        self.pace: Pace | None = None
        self.spooled: SpooledContent | None = None
        self.login: Login | None = None
        self.granted: Granted | None = None
        self.failed_logins = 0
        self.refusals = 0
        self.at_connect: Refusal | None = None
        self._received_at = 0.0

    # Octets.

    async def receive(self) -> None:
        """Send the replies that wait, then give the engine what the peer sends next.

        Raises:
            OSError: the connection is lost.
        """
        await self.flush()
        connection, engine = self.connection, self.engine
        inside = engine.state in _INSIDE_CONTENT
        if inside:
            await self._hold()
            octets = await self._receive_content()
        else:
            connection.extend(self.parts.settings.idle)
            octets = await connection.receive(RECEIVE_OCTETS)
        self._received_at = trio.current_time()
        if connection.closing and self.transaction is None:
            engine.drain()  # RFC 5321 §3.8: 421 to the next command
        engine.receive_data(octets)

    async def _receive_content(self) -> bytes:
        idle_seconds, pace = self.parts.settings.idle, self.pace
        if pace is not None:
            idle_seconds = pace.wait_seconds(trio.current_time(), idle_seconds)
        self.connection.extend(idle_seconds)
        octets = await self.connection.receive(RECEIVE_CONTENT_OCTETS)
        if pace is not None:
            pace.receive(len(octets))
        return octets

    async def _hold(self) -> None:
        """Ask for the memory of what has come and comes next; without it, spill at once."""
        share, held_octets = self.share, self.engine.held_octets
        if share is None or held_octets <= UNCOUNTED_OCTETS:
            return
        if not share.hold_memory(held_octets + RECEIVE_CONTENT_OCTETS):
            await self.spill(self.engine.spill())

    async def spill(self, octets: bytes) -> None:
        """Write a piece of the content to its file; that it failed is answered at the end."""
        if self.spooled is None:
            self.spooled = self.parts.spool.start()
        if self.share is not None:
            try:
                self.share.reserve_disk(self.spooled.size_octets + len(octets))
            except StorageError as error:
                self.spooled.fail(error)
        await self.spooled.write(octets)
        if self.share is not None:
            self.share.hold_memory(0)

    async def flush(self) -> None:
        """Send the replies that wait."""
        octets = self.engine.data_to_send()
        if octets:
            await self.connection.send(octets)

    @property
    def is_late(self) -> bool:
        """Whether replies have waited long; the next wait begins when this is asked."""
        now = trio.current_time()
        if now - self._received_at <= LATE_SECONDS:
            return False
        self._received_at = now
        return True

    # Answers.

    @property
    def lacks_tls(self) -> bool:
        """Whether the site requires TLS and the connection has none yet."""
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

    # What ends.

    def end_transaction(self) -> None:
        """The open transaction was answered or refused: drop it and its file."""
        self.transaction = self.pace = None
        if self.share is not None:
            self.share.release()
            self.share = None
        if self.spooled is not None:
            self.spooled.remove()
            self.spooled = None

    def abandon(self) -> None:
        """Abandon the open transaction, if there is one. RFC 5321 §4.1.1.5."""
        if self.transaction is not None:
            self.mailflow.abandon(self.transaction)
        self.end_transaction()

    def end_login(self) -> None:
        """Drop the SASL exchange under way, if there is one."""
        self.granted = None
        if self.login is not None:
            self.login.cancel()
            self.login = None
