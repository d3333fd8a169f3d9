"""The states of both sides of IMAP, and their transitions, as data; see `table`.

Rules of this file:
1. Both sides move by a command when the answer to it is OK; the server moves by REFUSED when it is
   NO or BAD, the client only where it matters.
2. DESELECT also moves the server when SELECT is read: the mailbox that was selected is not selected
   any more, whatever the answer. RFC 9051 §6.3.2.
3. Which commands a client may send is decided by phases, which each command is registered with:
   steps exist only for commands that change the state.

RFC 9051 §3.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from thurn_wire.table import Row, Table


class Phase(StrEnum):
    """The states of RFC 9051 §3, which decide what commands are allowed."""

    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"


ANY: Final = frozenset(Phase)
BEFORE_LOGIN: Final = frozenset((Phase.NOT_AUTHENTICATED,))
LOGGED_IN: Final = frozenset((Phase.AUTHENTICATED, Phase.SELECTED))
SELECTED: Final = frozenset((Phase.SELECTED,))


class State(StrEnum):
    """Where a dialogue is: a phase, or something that goes on in it."""

    GREETING = "greeting"
    """Connected; the server has not sent its greeting."""
    NOT_AUTHENTICATED = "not authenticated"
    CHALLENGED = "challenged"
    """The server sent a challenge; the next line belongs to the mechanism."""
    TLS_HANDSHAKE = "TLS handshake"
    """STARTTLS is accepted; the next octets are TLS's. RFC 9051 §6.2.1."""
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"
    IDLE = "idle"
    """IDLE has begun while no mailbox was selected."""
    IDLE_SELECTED = "idle, selected"
    APPENDING = "appending"
    """APPEND is accepted while no mailbox is selected; what is read belongs to it."""
    APPENDING_SELECTED = "appending, selected"
    CLOSED = "closed"


class Step(StrEnum):
    """What moves a dialogue: commands first, then what else happens."""

    COMMAND = "any other command"
    LOGIN = "LOGIN"
    AUTHENTICATE = "AUTHENTICATE"
    STARTTLS = "STARTTLS"
    SELECT = "SELECT or EXAMINE"
    DESELECT = "CLOSE or UNSELECT"
    APPEND = "APPEND"
    IDLE = "IDLE"
    TAKE_OVER = "command that takes over"
    """A command that reads and writes octets itself, as COMPRESS does (RFC 4978 §3)."""
    LOGOUT = "LOGOUT"
    GREETED = "greeted"
    PREAUTHENTICATED = "PREAUTH"
    REFUSED = "refused"
    """The greeting was BYE, the answer to a command was NO or BAD, or what was read was refused."""
    CHALLENGE = "challenge"
    TLS_STARTED = "TLS started"
    MESSAGE = "message of APPEND"
    APPENDED = "end of APPEND"
    DONE = "DONE"
    UNAUTHENTICATED = "UNAUTHENTICATE"
    """RFC 8437."""
    STOPPED = "stopped"
    """The connection ended, a limit was reached, or the server ended the dialogue."""


COMMANDS: Final = tuple(Step)[: tuple(Step).index(Step.GREETED)]
"""The steps that are commands."""

_AUTHENTICATING: Final[Row[Step, State]] = {
    Step.AUTHENTICATE: State.AUTHENTICATED,
    Step.CHALLENGE: State.CHALLENGED,
}
_LOGGED_IN: Final[Row[Step, State]] = {Step.SELECT: State.SELECTED, Step.LOGOUT: State.CLOSED}


def _commanding(state: State) -> Row[Step, State]:
    """The steps of every state that reads commands."""
    return dict.fromkeys((Step.COMMAND, Step.TAKE_OVER, Step.REFUSED), state)


def _appending(state: State, after: State) -> Row[Step, State]:
    """The steps inside APPEND."""
    return {Step.MESSAGE: state, Step.APPENDED: after, Step.REFUSED: after}


_SERVER: Final[Mapping[State, Row[Step, State]]] = {
    State.GREETING: {
        Step.GREETED: State.NOT_AUTHENTICATED,
        Step.PREAUTHENTICATED: State.AUTHENTICATED,
        Step.REFUSED: State.CLOSED,
    },
    State.NOT_AUTHENTICATED: {
        **_commanding(State.NOT_AUTHENTICATED),
        **_AUTHENTICATING,
        Step.LOGIN: State.AUTHENTICATED,
        Step.STARTTLS: State.TLS_HANDSHAKE,
        Step.LOGOUT: State.CLOSED,
    },
    State.CHALLENGED: {**_AUTHENTICATING, Step.REFUSED: State.NOT_AUTHENTICATED},
    State.TLS_HANDSHAKE: {Step.TLS_STARTED: State.NOT_AUTHENTICATED},
    State.AUTHENTICATED: {
        **_commanding(State.AUTHENTICATED),
        **_LOGGED_IN,
        Step.APPEND: State.APPENDING,
        Step.IDLE: State.IDLE,
        Step.UNAUTHENTICATED: State.NOT_AUTHENTICATED,
    },
    State.SELECTED: {
        **_commanding(State.SELECTED),
        **_LOGGED_IN,
        Step.DESELECT: State.AUTHENTICATED,
        Step.APPEND: State.APPENDING_SELECTED,
        Step.IDLE: State.IDLE_SELECTED,
        Step.UNAUTHENTICATED: State.NOT_AUTHENTICATED,
    },
    State.IDLE: {Step.DONE: State.AUTHENTICATED, Step.REFUSED: State.AUTHENTICATED},
    State.IDLE_SELECTED: {
        Step.DONE: State.SELECTED,
        Step.REFUSED: State.SELECTED,
        # The selected mailbox was deleted meanwhile.
        Step.DESELECT: State.IDLE,
    },
    State.APPENDING: _appending(State.APPENDING, State.AUTHENTICATED),
    State.APPENDING_SELECTED: _appending(State.APPENDING_SELECTED, State.SELECTED),
    State.CLOSED: {},
}

SERVER: Final = Table(_SERVER, stopped=Step.STOPPED)
"""The server side."""

_CLIENT: Final[Mapping[State, Row[Step, State]]] = {
    State.GREETING: {
        Step.GREETED: State.NOT_AUTHENTICATED,
        Step.PREAUTHENTICATED: State.AUTHENTICATED,
        Step.REFUSED: State.CLOSED,
    },
    State.NOT_AUTHENTICATED: {
        **_AUTHENTICATING,
        Step.LOGIN: State.AUTHENTICATED,
        Step.STARTTLS: State.TLS_HANDSHAKE,
        Step.LOGOUT: State.CLOSED,
    },
    State.CHALLENGED: {**_AUTHENTICATING, Step.REFUSED: State.NOT_AUTHENTICATED},
    State.TLS_HANDSHAKE: {Step.TLS_STARTED: State.NOT_AUTHENTICATED},
    State.AUTHENTICATED: {**_LOGGED_IN, Step.DESELECT: State.AUTHENTICATED},
    State.SELECTED: {**_LOGGED_IN, Step.DESELECT: State.AUTHENTICATED},
    State.CLOSED: {},
}

CLIENT: Final = Table(_CLIENT, stopped=Step.STOPPED)
"""The client side."""

COMMANDING: Final[Mapping[State, Phase]] = {
    State.NOT_AUTHENTICATED: Phase.NOT_AUTHENTICATED,
    State.AUTHENTICATED: Phase.AUTHENTICATED,
    State.SELECTED: Phase.SELECTED,
}
"""The states in which commands are read, and their phases."""

BETWEEN_COMMANDS: Final = frozenset((State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED))
"""The states in which commands are read."""
IDLING: Final = frozenset((State.IDLE, State.IDLE_SELECTED))
"""The states inside IDLE."""
APPENDING: Final = frozenset((State.APPENDING, State.APPENDING_SELECTED))
"""The states inside APPEND."""
