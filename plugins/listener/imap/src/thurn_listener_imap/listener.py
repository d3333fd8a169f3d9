"""The product of the plugin: what its sessions share, and its last words."""

from __future__ import annotations

from typing import Final, Literal

from thurn.contracts.connection import Connection
from thurn.plugin import Session
from thurn_wire.imap import code
from thurn_wire.imap.config import ImapConfig
from thurn_wire.imap.reply import bye

from thurn_listener_imap.conversation import Site
from thurn_listener_imap.session import ImapSession
from thurn_listener_imap.watch import Watch

_FAREWELLS: Final = {
    "error": bye("Temporary trouble here, try again later", code.UNAVAILABLE),
    "closing": bye("The server is closing, try again later", code.UNAVAILABLE),
    "busy": bye("Too many connections, try again later", code.UNAVAILABLE),
    # RFC 9051 §5.4, §7.1.5.
    "idle": bye("Logged out for inactivity"),
}


class ImapListener:
    """A `thurn.contracts.listener.Listener`."""

    __slots__ = ("_config", "_site", "_watch")

    protocol = "imap"

    def __init__(self, site: Site, watch: Watch) -> None:
        self._site = site
        self._watch = watch
        self._config = ImapConfig(append_octets=site.settings.size_limit)

    async def serve(self, connection: Connection, session: Session) -> None:
        """Speak IMAP until LOGOUT, or until the peer or the host ends it.

        Cancellation: of the command under way, all was done or nothing.
        """
        imap = ImapSession(self._site, self._watch, self._config, connection, session)
        await imap.run()

    def farewell(self, reason: Literal["error", "closing", "busy", "idle"]) -> bytes:
        """BYE, and why."""
        return _FAREWELLS[reason].encode()
