"""The product of the plugin: what its sessions share, and its last words."""

from __future__ import annotations

from typing import Final, Literal

from thurn.plugin import Connection, Session
from thurn_wire.imap import code, response
from thurn_wire.imap.config import ServerLimits

from thurn_listener_imap.conversation import Site
from thurn_listener_imap.session import ImapSession
from thurn_listener_imap.watch import Watch

_FAREWELLS: Final = {
    "error": response.bye("Temporary trouble here, try again later", code.UNAVAILABLE),
    "closing": response.bye("The server is closing, try again later", code.UNAVAILABLE),
    "busy": response.bye("Too many connections, try again later", code.UNAVAILABLE),
    # RFC 9051 §5.4, §7.1.5.
    "idle": response.bye("Logged out for inactivity"),
}


class ImapListener:
    """A `thurn.contracts.listener.Listener`."""

    __slots__ = ("_limits", "_site", "_watch")

    protocol = "imap"

    def __init__(self, site: Site, watch: Watch) -> None:
        self._site = site
        self._watch = watch
        self._limits = ServerLimits(append_octets=site.settings.size_limit)

    async def serve(self, connection: Connection, session: Session) -> None:
        """Speak IMAP until LOGOUT, or until the peer or the host ends it.

        Cancellation: of the command under way, all was done or nothing.
        """
        imap = ImapSession(self._site, self._watch, self._limits, connection, session)
        await imap.run()

    def farewell(self, reason: Literal["error", "closing", "busy", "idle"]) -> bytes:
        """BYE, and why."""
        return _FAREWELLS[reason]
