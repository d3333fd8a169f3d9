"""The states of both sides of POP3, and their transitions, as data; see `table`.

Rules of this file:
1. Both sides move by a command when the answer to it is positive. REFUSED follows a negative answer
   on the server side; the client moves by it only where it matters.
2. QUIT alone moves the server when it is read, since the UPDATE state begins with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from thurn_wire.table import Row, Table


class State(StrEnum):
    """Where a dialogue is. RFC 1939 §3 names AUTHORIZATION, TRANSACTION and UPDATE."""

    GREETING = "greeting"
    """Connected; the server has not sent its greeting."""
    AUTHORIZATION = "authorization"
    NAMED = "named"
    """USER is accepted: PASS may follow at once. RFC 1939 §7 (PASS)."""
    CHALLENGED = "challenged"
    """The server sent a challenge; the next line belongs to the mechanism. RFC 5034 §4."""
    TLS_HANDSHAKE = "TLS handshake"
    """STLS is accepted; the next octets are TLS's. RFC 2595 §4."""
    TRANSACTION = "transaction"
    MESSAGE = "message"
    """A message is sent in chunks."""
    UPDATE = "update"
    """QUIT came after login: the marked messages are removed now. RFC 1939 §6."""
    CLOSED = "closed"


class Step(StrEnum):
    """What moves a dialogue: commands first, then what else happens."""

    USER = "USER"
    PASS = "PASS"  # noqa: S105 - a command, not a password
    APOP = "APOP"
    AUTH = "AUTH"
    STARTTLS = "STLS"
    CAPA = "CAPA"
    QUIT = "QUIT"
    STAT = "STAT"
    LIST = "LIST"
    RETR = "RETR"
    DELE = "DELE"
    NOOP = "NOOP"
    RSET = "RSET"
    TOP = "TOP"
    UIDL = "UIDL"
    GREETED = "greeted"
    REFUSED = "refused"
    """The greeting, or the answer to a command, was -ERR."""
    CHALLENGE = "challenge"
    TLS_STARTED = "TLS started"
    MESSAGE_BEGUN = "message begun"
    MESSAGE_ENDED = "message ended"
    UPDATED = "messages removed"
    STOPPED = "stopped"
    """The connection ended, a limit was reached, or sending failed."""


COMMANDS: Final = tuple(Step)[: tuple(Step).index(Step.GREETED)]
"""The steps that are commands."""

MAILDROP_COMMANDS: Final = (
    Step.STAT,
    Step.LIST,
    Step.RETR,
    Step.DELE,
    Step.NOOP,
    Step.RSET,
    Step.TOP,
    Step.UIDL,
)
"""Commands that need a maildrop."""

_IN_MAILDROP: Final[Row[Step, State]] = {
    **dict.fromkeys(MAILDROP_COMMANDS, State.TRANSACTION),
    Step.CAPA: State.TRANSACTION,
}
_AUTHENTICATING: Final[Row[Step, State]] = {
    Step.AUTH: State.TRANSACTION,
    Step.CHALLENGE: State.CHALLENGED,
}
_BEFORE_LOGIN: Final[Row[Step, State]] = {
    **_AUTHENTICATING,
    Step.USER: State.NAMED,
    Step.APOP: State.TRANSACTION,
    Step.STARTTLS: State.TLS_HANDSHAKE,
    Step.CAPA: State.AUTHORIZATION,
    # RFC 1939 §4: QUIT here ends the dialogue without an UPDATE state.
    Step.QUIT: State.CLOSED,
    Step.REFUSED: State.AUTHORIZATION,
}

_SERVER: Final[Mapping[State, Row[Step, State]]] = {
    State.GREETING: {Step.GREETED: State.AUTHORIZATION, Step.REFUSED: State.CLOSED},
    State.AUTHORIZATION: _BEFORE_LOGIN,
    # RFC 1939 §7: PASS only directly behind an accepted USER.
    State.NAMED: {**_BEFORE_LOGIN, Step.PASS: State.TRANSACTION},
    State.CHALLENGED: {**_AUTHENTICATING, Step.REFUSED: State.AUTHORIZATION},
    State.TLS_HANDSHAKE: {Step.TLS_STARTED: State.AUTHORIZATION},
    State.TRANSACTION: {
        **_IN_MAILDROP,
        Step.MESSAGE_BEGUN: State.MESSAGE,
        Step.QUIT: State.UPDATE,
        Step.REFUSED: State.TRANSACTION,
    },
    State.MESSAGE: {Step.MESSAGE_ENDED: State.TRANSACTION},
    State.UPDATE: {Step.UPDATED: State.CLOSED, Step.REFUSED: State.CLOSED},
    State.CLOSED: {},
}

SERVER: Final = Table(_SERVER, stopped=Step.STOPPED)
"""The server side."""

_CLIENT: Final[Mapping[State, Row[Step, State]]] = {
    State.GREETING: {Step.GREETED: State.AUTHORIZATION, Step.REFUSED: State.CLOSED},
    State.AUTHORIZATION: {
        **_AUTHENTICATING,
        Step.USER: State.AUTHORIZATION,
        Step.PASS: State.TRANSACTION,
        Step.APOP: State.TRANSACTION,
        Step.STARTTLS: State.TLS_HANDSHAKE,
        Step.CAPA: State.AUTHORIZATION,
        Step.QUIT: State.CLOSED,
    },
    State.CHALLENGED: {**_AUTHENTICATING, Step.REFUSED: State.AUTHORIZATION},
    State.TLS_HANDSHAKE: {Step.TLS_STARTED: State.AUTHORIZATION},
    State.TRANSACTION: {**_IN_MAILDROP, Step.QUIT: State.CLOSED},
    State.CLOSED: {},
}

CLIENT: Final = Table(_CLIENT, stopped=Step.STOPPED)
"""The client side."""
