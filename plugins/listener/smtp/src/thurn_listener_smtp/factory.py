"""The plugin `listener.smtp`: what all sessions of an instance share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Literal

from thurn.contracts.connection import Connection
from thurn.plugin import ListenerContext, Session, plugin
from thurn_wire.smtp.config import Profile, SmtpConfig

from thurn_listener_smtp.session import SmtpSession
from thurn_listener_smtp.settings import SmtpSettings
from thurn_listener_smtp.spool import Spool

_PROFILES: Final = {
    "mx": Profile.SMTP,
    "submission": Profile.SUBMISSION,
    "submissions": Profile.SUBMISSION,
    "lmtp": Profile.LMTP,
}
_PROTOCOLS: Final = {
    "mx": "smtp", "submission": "submission", "submissions": "submission", "lmtp": "lmtp",
}  # fmt: skip
_FAREWELLS: Final = {
    "error": b"421 4.3.0 Temporary trouble here, try again later\r\n",
    "closing": b"421 4.3.2 Service is closing, try again\r\n",
    "busy": b"421 4.7.0 Too many connections, try again later\r\n",
    "idle": b"421 4.4.2 Timeout, closing connection\r\n",
}


class SmtpListener:
    """A `thurn.contracts.listener.Listener`."""

    def __init__(self, settings: SmtpSettings, context: ListenerContext, spool: Spool) -> None:
        self.settings = settings
        self.context = context
        self.spool = spool
        self.protocol = _PROTOCOLS[settings.profile]
        self.config = SmtpConfig(
            hostname=context.hostname,
            profile=_PROFILES[settings.profile],
            size_octets=settings.size_limit,
            recipients=settings.recipients,
            errors=settings.errors,
            chunking=settings.chunking,
            smtputf8=settings.smtputf8,
        )

    async def serve(self, connection: Connection, session: Session) -> None:
        """Speak until it is over.

        Cancellation: nothing of an unfinished message is stored; a commit under way is ended.
        """
        await SmtpSession(
            connection, session, self.config, self.settings, self.context, self.spool
        ).run()

    def farewell(self, reason: Literal["error", "closing", "busy", "idle"]) -> bytes:
        """The 421 of RFC 5321 §3.8."""
        return _FAREWELLS[reason]


@plugin("listener", "smtp")
@asynccontextmanager
async def smtp(config: SmtpSettings, context: ListenerContext) -> AsyncIterator[SmtpListener]:
    """The listener."""
    yield SmtpListener(config, context, Spool(context.data / "tmp"))
