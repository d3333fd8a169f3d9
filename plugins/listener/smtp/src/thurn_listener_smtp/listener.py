"""The listener: one object for all connections of one instance (`thurn.contracts.listener`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from thurn.plugin import Connection, ListenerContext, Session
from thurn_kit.spool import Spool
from thurn_wire.smtp.config import SmtpConfig
from thurn_wire.smtp.reply import Reply

from thurn_listener_smtp.conversation import Conversation
from thurn_listener_smtp.parts import SmtpParts
from thurn_listener_smtp.session import converse
from thurn_listener_smtp.settings import ProfileName, SmtpSettings

EndReason: TypeAlias = Literal["error", "closing", "busy", "idle"]

PROTOCOLS: Final[Mapping[ProfileName, str]] = {
    "mx": "smtp",
    "submission": "submission",
    "submissions": "submission",
    "lmtp": "lmtp",
}
"""The word for each profile in `services` of accounts."""
FAREWELLS: Final[Mapping[EndReason, tuple[str, str]]] = {
    "error": ("4.3.0", "Temporary failure here, try again later"),
    "closing": ("4.3.2", "Service closing, try again later"),
    "busy": ("4.7.0", "Too many connections, try again later"),
    "idle": ("4.4.2", "Timeout, closing connection"),
}
"""The words of 421, for each reason. RFC 5321 §3.8, §4.2.3."""


class SmtpListener:
    """Speaks SMTP or LMTP on the connections that the host accepts.

    Attributes:
        protocol: see `PROTOCOLS`.
    """

    __slots__ = ("_context", "_engine", "_farewells", "_parts", "_settings", "_spool", "protocol")

    def __init__(
        self, settings: SmtpSettings, engine: SmtpConfig, context: ListenerContext, spool: Spool
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._context = context
        self._spool = spool
        self._parts: SmtpParts | None = None
        self.protocol = PROTOCOLS[settings.profile]
        self._farewells = {
            reason: Reply(421, enhanced, (f"{engine.hostname} {text}",)).encode()
            for reason, (enhanced, text) in FAREWELLS.items()
        }

    async def serve(self, connection: Connection, session: Session) -> None:
        """Speak until the peer or the session is done.

        Cancellation: nothing of an unfinished message is stored; a commit that has begun is
        completed.
        """
        if self._parts is None:  # the stores behind the mail flow are open by now
            context = self._context
            self._parts = SmtpParts(
                self._settings,
                self._engine,
                context.mailflow,
                context.gate,
                context.diagnostics,
                context.ledger,
                self._spool,
            )
        await converse(Conversation(self._parts, connection, session))

    def farewell(self, reason: EndReason) -> bytes:
        """421 with the reason's words."""
        return self._farewells[reason]
