"""The listener: one object for all connections of one instance (`thurn.contracts.listener`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from thurn.plugin import Connection, Session
from thurn_wire.imap import code
from thurn_wire.imap.reply import Reply, bye

from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.parts import ImapParts
from thurn_listener_imap.session import converse

EndReason: TypeAlias = Literal["error", "closing", "busy", "idle"]

FAREWELLS: Final[Mapping[EndReason, Reply]] = {
    "error": bye("Temporary failure here, try again later", code.UNAVAILABLE),
    "closing": bye("The server is closing, try again later", code.UNAVAILABLE),
    "busy": bye("Too many connections, try again later", code.UNAVAILABLE),
    "idle": bye("Logged out for inactivity"),
}
"""RFC 9051 §5.4, §7.1.5."""


class ImapListener:
    """Speaks IMAP on the connections that the host accepts."""

    __slots__ = ("_parts",)

    protocol = "imap"

    def __init__(self, parts: ImapParts) -> None:
        self._parts = parts

    async def serve(self, connection: Connection, session: Session) -> None:
        """Speak until LOGOUT, or until the client or the host ends the session.

        Cancellation: of the command under way, everything was done or nothing.
        """
        await converse(Conversation(self._parts, connection, session))

    def farewell(self, reason: EndReason) -> bytes:
        """BYE with the reason's words."""
        return FAREWELLS[reason].encode()
