"""The product of the plugin: what its sessions share, and its last words."""

from __future__ import annotations

from math import ceil
from typing import Final, Literal

from thurn.plugin import Connection, ListenerContext, Session
from thurn_wire.pop3.config import Pop3Config
from thurn_wire.pop3.reply import ResponseCode, error

from thurn_listener_pop3.entry import Entry
from thurn_listener_pop3.session import Pop3Session
from thurn_listener_pop3.settings import Pop3Settings

DAY_SECONDS: Final = 86_400

_FAREWELLS: Final = {
    "error": error("temporary trouble here, try again later", ResponseCode.SYSTEM_TEMPORARY),
    "closing": error("closing, try again later", ResponseCode.SYSTEM_TEMPORARY),
    "busy": error("too many connections, try again later", ResponseCode.SYSTEM_TEMPORARY),
}


class Pop3Listener:
    """A `thurn.contracts.listener.Listener`."""

    __slots__ = ("_config", "_context", "_entry", "_settings")

    protocol = "pop3"

    def __init__(self, settings: Pop3Settings, context: ListenerContext, entry: Entry) -> None:
        self._settings = settings
        self._context = context
        self._entry = entry
        self._config = server_config(settings, context.hostname)

    async def serve(self, connection: Connection, session: Session) -> None:
        """Speak POP3 until QUIT, or until the peer or the host ends it.

        Cancellation: nothing is deleted, but what QUIT was just removing may be.
        """
        pop3 = Pop3Session(
            connection, session, self._config, self._settings, self._context, self._entry
        )
        await pop3.run()

    def farewell(self, reason: Literal["error", "closing", "busy", "idle"]) -> bytes:
        """The answer to whatever the client says next."""
        if reason == "idle":
            # RFC 1939 §3: at the autologout the server closes "without … sending any response".
            return b""
        return _FAREWELLS[reason].encode()


def server_config(settings: Pop3Settings, hostname: str) -> Pop3Config:
    """What greeting and CAPA say."""
    expire, delay = settings.expire, settings.login_delay
    return Pop3Config(
        greeting=f"{hostname} POP3 ready",
        # RFC 2449 §6.7: the least number of days, so a part of one does not count.
        expire_days=None if expire is None else int(expire // DAY_SECONDS),
        login_delay_seconds=None if delay is None else ceil(delay),
    )
