"""The state of one session, as its commands see it: who it is, which maildrop is open.

Rules of this file:
1. Replies wait in the engine and are sent together; more than `FLUSH_OCTETS` are sent before more
   is made, so that a client that pipelines and does not read costs that and one message.
2. While the worker closes, nobody logs in any more; a session that has a maildrop open goes on
   until QUIT, or until the host's time for draining is over.
"""

from __future__ import annotations

from typing import Final

import trio
from thurn.plugin import Connection, Granted, Login, Session, ThurnError
from thurn_wire.pop3.capability import Offer
from thurn_wire.pop3.reply import error
from thurn_wire.pop3.server import Pop3Server

from thurn_listener_pop3.limits import FLUSH_OCTETS, RECEIVE_OCTETS
from thurn_listener_pop3.maildrop import OpenMaildrop
from thurn_listener_pop3.opening import leave_maildrop
from thurn_listener_pop3.parts import Pop3Parts

LOGIN_TIMEOUT: Final = error("no login for a long time, closing").encode()
"""What a client is sent that is silent before login for `login_idle`."""


class Conversation:
    """The state of one session beyond the engine's.

    Attributes:
        parts: what all sessions of the listener share.
        connection: what the session speaks through.
        session: the host's.
        engine: the engine of the protocol.
        login: the SASL exchange under way.
        granted: its success, while the client has yet to answer the success's octets.
        failed_logins: logins that were refused.
        maildrop: the open maildrop, after login.
    """

    __slots__ = (
        "connection",
        "engine",
        "failed_logins",
        "granted",
        "login",
        "maildrop",
        "parts",
        "session",
    )

    def __init__(self, parts: Pop3Parts, connection: Connection, session: Session) -> None:
        self.parts = parts
        self.connection = connection
        self.session = session
        self.engine = Pop3Server(parts.engine, tls_active=connection.tls is not None)
        self.login: Login | None = None
        self.granted: Granted | None = None
        self.failed_logins = 0
        self.maildrop: OpenMaildrop | None = None

    # Octets.

    async def receive(self) -> None:
        """Send the replies that wait, then give the engine what the client sends next.

        Raises:
            OSError: the connection is lost.
        """
        await self.flush()
        self.connection.extend(self.parts.settings.idle)
        if self.maildrop is not None:
            octets = await self.connection.receive(RECEIVE_OCTETS)
        else:
            octets = await self._receive_from_stranger()
        self.engine.receive_data(octets)
        self._drain()

    async def _receive_from_stranger(self) -> bytes:
        """What the client sends; after a long silence it is told so, and is taken to have left.

        RFC 1939 §3 closes without a response only where a maildrop is open.
        """
        octets = b""
        with trio.move_on_after(self.parts.settings.login_idle) as waiting:
            octets = await self.connection.receive(RECEIVE_OCTETS)
        if waiting.cancelled_caught:
            await self.connection.send(LOGIN_TIMEOUT)
        return octets

    async def relieve(self) -> None:
        """Send the replies that wait if they are many octets.

        Raises:
            OSError: the connection is lost.
        """
        if self.engine.output_octets > FLUSH_OCTETS:
            await self.flush()

    async def flush(self) -> None:
        """Send the replies that wait.

        Raises:
            OSError: the connection is lost.
        """
        octets = self.engine.data_to_send()
        if octets:
            self.connection.extend(self.parts.settings.idle)
            await self.connection.send(octets)
        self._drain()

    def _drain(self) -> None:
        if self.connection.closing and self.maildrop is None:
            self.engine.drain()

    # Login.

    def offer(self) -> None:
        """Say how a client may log in now. RFC 2595 §2.2, §4."""
        gate, settings = self.parts.context.gate, self.parts.settings
        self.engine.offer(
            Offer(
                mechanisms=gate.mechanisms(self.session),
                user=gate.password_allowed(self.session),
                starttls=settings.tls_mode == "starttls" and self.connection.can_start_tls,
            )
        )

    def end_login(self) -> None:
        """Drop the SASL exchange under way, if there is one."""
        if self.granted is not None:
            self.granted = self.session.identity = None
        elif self.login is not None:
            self.login.cancel()
        self.login = None

    # The maildrop.

    @property
    def open_maildrop(self) -> OpenMaildrop:
        """The open maildrop: the engine asks for messages only after login."""
        if self.maildrop is None:
            raise RuntimeError("no maildrop is open")
        return self.maildrop

    async def leave(self) -> None:
        """Let other sessions open the maildrop, if one is open. Idempotent."""
        if self.maildrop is not None:
            await leave_maildrop(self.parts, self.maildrop)

    def report(self, event: str, error: ThurnError, **facts: object) -> None:
        """Write a failure into the operator's log."""
        identity = self.session.identity
        self.parts.context.diagnostics.warning(
            event,
            session=self.session.id,
            account=None if identity is None else identity.account,
            failure=repr(error),
            **facts,
        )
