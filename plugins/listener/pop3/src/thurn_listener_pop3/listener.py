"""The listener: one object for all connections of one instance (`thurn.contracts.listener`)."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Final, Literal, TypeAlias

from thurn.plugin import Connection, Session
from thurn_wire.pop3.config import Pop3Config
from thurn_wire.pop3.reply import ResponseCode, error

from thurn_listener_pop3.conversation import Conversation
from thurn_listener_pop3.parts import Pop3Parts
from thurn_listener_pop3.session import converse
from thurn_listener_pop3.settings import Pop3Settings

EndReason: TypeAlias = Literal["error", "closing", "busy", "idle"]

DAY_SECONDS: Final = 86_400

FAREWELLS: Final[Mapping[EndReason, bytes]] = {
    "error": error(
        "temporary failure here, try again later", ResponseCode.SYSTEM_TEMPORARY
    ).encode(),
    "closing": error("closing, try again later", ResponseCode.SYSTEM_TEMPORARY).encode(),
    "busy": error("too many connections, try again later", ResponseCode.SYSTEM_TEMPORARY).encode(),
    # RFC 1939 §3: at the autologout the server closes "without … sending any response".
    "idle": b"",
}
"""The answers to whatever the client says next."""


class Pop3Listener:
    """Speaks POP3 on the connections that the host accepts."""

    __slots__ = ("_parts",)

    protocol = "pop3"

    def __init__(self, parts: Pop3Parts) -> None:
        self._parts = parts

    async def serve(self, connection: Connection, session: Session) -> None:
        """Speak until QUIT, or until the client or the host ends the session.

        Cancellation: nothing is deleted, except what QUIT was just removing.
        """
        await converse(Conversation(self._parts, connection, session))

    def farewell(self, reason: EndReason) -> bytes:
        """An error with the reason's words."""
        return FAREWELLS[reason]


def server_config(settings: Pop3Settings, hostname: str) -> Pop3Config:
    """What greeting and CAPA say."""
    expire, delay = settings.expire, settings.login_delay
    return Pop3Config(
        greeting=f"{hostname} POP3 ready",
        # RFC 2449 §6.7: the least number of days, so a part of a day does not count.
        expire_days=None if expire is None else int(expire // DAY_SECONDS),
        login_delay_seconds=None if delay is None else ceil(delay),
    )
