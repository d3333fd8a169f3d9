"""The states of a session and every way between them, as data.

Rules of this file:
1. `SERVER` and `CLIENT` are the whole truth; the engines change their state only through `follow`.
2. A pair that is missing is a bug of the caller (`LocalProtocolError`), or a server that agrees to
   what cannot be: what a client may not send is decided before, by the phases that each command is
   registered with.
3. A server state reads commands (`COMMANDING`), reads something else (`READING`), or waits for its
   caller: then `next_event` says PAUSED.
4. Diagrams are made from the tables (`mermaid`).

This file knows no octets. RFC 9051 §3.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TypeAlias

from thurn_wire.diagram import draw
from thurn_wire.imap.error import LocalProtocolError


class Phase(StrEnum):
    """The states of RFC 9051 §3, which say what commands are allowed."""

    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"


ANY: Final = frozenset(Phase)
BEFORE_LOGIN: Final = frozenset((Phase.NOT_AUTHENTICATED,))
LOGGED_IN: Final = frozenset((Phase.AUTHENTICATED, Phase.SELECTED))
SELECTED: Final = frozenset((Phase.SELECTED,))


class State(StrEnum):
    """Where a session is: a phase, or something that is going on in it."""

    GREETING = "greeting"
    """Connected, nothing said; of the client: our sessions know at once where they begin."""
    NOT_AUTHENTICATED = "not authenticated"
    LOGIN_GIVEN = "login given"
    """LOGIN, AUTHENTICATE or a line of its exchange came; the gate says what is next."""
    CHALLENGED = "challenged"
    """A challenge was sent; the next line belongs to the mechanism."""
    TLS_ASKED = "TLS asked"
    TLS_HANDSHAKE = "TLS handshake"
    """STARTTLS was agreed to: the next octets are TLS's. RFC 9051 §6.2.1."""
    AUTHENTICATED = "authenticated"
    SELECTING = "selecting"
    """SELECT or EXAMINE came; what was selected is not any more. RFC 9051 §6.3.2."""
    SELECTED = "selected"
    IDLE = "idle"
    IDLE_SELECTED = "idle, selected"
    APPEND_ASKED = "append asked"
    """APPEND or one of its messages is announced; the store says whether it may come."""
    APPEND_ASKED_SELECTED = "append asked, selected"
    APPENDING = "appending"
    """What is read belongs to APPEND."""
    APPENDING_SELECTED = "appending, selected"
    TAKEN_OVER_BEFORE_LOGIN = "taken over before login"
    """A command reads and writes the octets itself, as COMPRESS does (RFC 4978 §3)."""
    TAKEN_OVER = "taken over"
    TAKEN_OVER_SELECTED = "taken over, selected"
    LOGOUT = "logout"
    """RFC 9051 §3.4."""
    CLOSED = "closed"


class Step(StrEnum):
    """What moves a session: what the client sends, and what the session makes of it."""

    COMMAND = "command"
    """Any command that leaves the state alone."""
    LOGIN = "LOGIN, AUTHENTICATE"
    STARTTLS = "STARTTLS"
    SELECT = "SELECT, EXAMINE"
    DESELECT = "CLOSE, UNSELECT"
    APPEND = "APPEND"
    IDLE = "IDLE"
    TAKE_OVER = "command that takes over"
    LOGOUT = "LOGOUT"
    DONE = "DONE"
    RESPONSE = "response"
    MESSAGE = "message announced"
    WHOLE = "append whole"
    ABANDONED = "refused by the engine"
    """What was going on is over: cancelled, or not readable."""
    ACCEPTED = "accepted"
    DENIED = "denied"
    CHALLENGE = "challenge"
    SECURED = "TLS up"
    HANDED_BACK = "handed back"
    """The command that took over has ended."""
    UNAUTHENTICATE = "unauthenticated"
    """RFC 8437."""
    GREETED = "greeted"
    PREAUTHENTICATED = "PREAUTH"
    FAREWELL = "farewell"
    """After BYE and the answer of LOGOUT the connection ends."""
    STOPPED = "stopped"
    """The connection ended, a bound was passed, or the session closes."""


Table: TypeAlias = Mapping[State, Mapping[Step, State]]

_LOGGED_IN: Final = {
    Step.SELECT: State.SELECTING,
    Step.UNAUTHENTICATE: State.NOT_AUTHENTICATED,
    Step.LOGOUT: State.LOGOUT,
    Step.STOPPED: State.CLOSED,
}

SERVER: Final[Table] = {
    State.NOT_AUTHENTICATED: {
        Step.COMMAND: State.NOT_AUTHENTICATED,
        Step.LOGIN: State.LOGIN_GIVEN,
        Step.STARTTLS: State.TLS_ASKED,
        Step.TAKE_OVER: State.TAKEN_OVER_BEFORE_LOGIN,
        Step.LOGOUT: State.LOGOUT,
        Step.STOPPED: State.CLOSED,
    },
    State.LOGIN_GIVEN: {
        Step.ACCEPTED: State.AUTHENTICATED,
        Step.CHALLENGE: State.CHALLENGED,
        Step.DENIED: State.NOT_AUTHENTICATED,
        Step.STOPPED: State.CLOSED,
    },
    State.CHALLENGED: {
        Step.RESPONSE: State.LOGIN_GIVEN,
        Step.ABANDONED: State.NOT_AUTHENTICATED,
        Step.STOPPED: State.CLOSED,
    },
    State.TLS_ASKED: {
        Step.ACCEPTED: State.TLS_HANDSHAKE,
        Step.DENIED: State.NOT_AUTHENTICATED,
        Step.STOPPED: State.CLOSED,
    },
    State.TLS_HANDSHAKE: {Step.SECURED: State.NOT_AUTHENTICATED, Step.STOPPED: State.CLOSED},
    State.AUTHENTICATED: {
        **_LOGGED_IN,
        Step.COMMAND: State.AUTHENTICATED,
        Step.APPEND: State.APPEND_ASKED,
        Step.IDLE: State.IDLE,
        Step.TAKE_OVER: State.TAKEN_OVER,
    },
    State.SELECTING: {
        Step.ACCEPTED: State.SELECTED,
        Step.DENIED: State.AUTHENTICATED,
        Step.STOPPED: State.CLOSED,
    },
    State.SELECTED: {
        **_LOGGED_IN,
        Step.COMMAND: State.SELECTED,
        Step.DESELECT: State.AUTHENTICATED,
        Step.APPEND: State.APPEND_ASKED_SELECTED,
        Step.IDLE: State.IDLE_SELECTED,
        Step.TAKE_OVER: State.TAKEN_OVER_SELECTED,
    },
    State.IDLE: {
        Step.DONE: State.AUTHENTICATED,
        Step.ABANDONED: State.AUTHENTICATED,
        Step.STOPPED: State.CLOSED,
    },
    State.IDLE_SELECTED: {
        Step.DONE: State.SELECTED,
        Step.ABANDONED: State.SELECTED,
        # The mailbox went away while nobody asked.
        Step.DESELECT: State.IDLE,
        Step.STOPPED: State.CLOSED,
    },
    State.APPEND_ASKED: {
        Step.ACCEPTED: State.APPENDING,
        Step.DENIED: State.AUTHENTICATED,
        Step.STOPPED: State.CLOSED,
    },
    State.APPEND_ASKED_SELECTED: {
        Step.ACCEPTED: State.APPENDING_SELECTED,
        Step.DENIED: State.SELECTED,
        Step.STOPPED: State.CLOSED,
    },
    State.APPENDING: {
        Step.MESSAGE: State.APPEND_ASKED,
        Step.WHOLE: State.AUTHENTICATED,
        Step.DENIED: State.AUTHENTICATED,
        Step.ABANDONED: State.AUTHENTICATED,
        Step.STOPPED: State.CLOSED,
    },
    State.APPENDING_SELECTED: {
        Step.MESSAGE: State.APPEND_ASKED_SELECTED,
        Step.WHOLE: State.SELECTED,
        Step.DENIED: State.SELECTED,
        Step.ABANDONED: State.SELECTED,
        Step.STOPPED: State.CLOSED,
    },
    State.TAKEN_OVER_BEFORE_LOGIN: {
        Step.HANDED_BACK: State.NOT_AUTHENTICATED,
        Step.STOPPED: State.CLOSED,
    },
    State.TAKEN_OVER: {Step.HANDED_BACK: State.AUTHENTICATED, Step.STOPPED: State.CLOSED},
    State.TAKEN_OVER_SELECTED: {
        Step.HANDED_BACK: State.SELECTED,
        Step.DESELECT: State.TAKEN_OVER,
        Step.STOPPED: State.CLOSED,
    },
    State.LOGOUT: {Step.FAREWELL: State.CLOSED, Step.STOPPED: State.CLOSED},
    State.CLOSED: {Step.STOPPED: State.CLOSED},
}
"""The server side."""

_AGREED: Final = {
    Step.SELECT: State.SELECTED,
    Step.DESELECT: State.AUTHENTICATED,
    Step.UNAUTHENTICATE: State.NOT_AUTHENTICATED,
    Step.LOGOUT: State.LOGOUT,
    Step.STOPPED: State.CLOSED,
}

CLIENT: Final[Table] = {
    State.GREETING: {
        Step.GREETED: State.NOT_AUTHENTICATED,
        Step.PREAUTHENTICATED: State.AUTHENTICATED,
        Step.STOPPED: State.CLOSED,
    },
    State.NOT_AUTHENTICATED: {
        Step.LOGIN: State.AUTHENTICATED,
        Step.STARTTLS: State.TLS_HANDSHAKE,
        Step.LOGOUT: State.LOGOUT,
        Step.STOPPED: State.CLOSED,
    },
    State.TLS_HANDSHAKE: {Step.SECURED: State.NOT_AUTHENTICATED, Step.STOPPED: State.CLOSED},
    State.AUTHENTICATED: _AGREED,
    State.SELECTED: _AGREED,
    State.LOGOUT: {Step.FAREWELL: State.CLOSED, Step.STOPPED: State.CLOSED},
    State.CLOSED: {Step.STOPPED: State.CLOSED},
}
"""The client side; commands may be sent ahead, so a step moves it when its answer has come."""

COMMANDING: Final[Mapping[State, Phase]] = {
    State.NOT_AUTHENTICATED: Phase.NOT_AUTHENTICATED,
    State.AUTHENTICATED: Phase.AUTHENTICATED,
    State.SELECTED: Phase.SELECTED,
}
"""States in which what is read is a command, and their phase."""

IDLING: Final = frozenset((State.IDLE, State.IDLE_SELECTED))
APPENDING: Final = frozenset((State.APPENDING, State.APPENDING_SELECTED))
TAKEN_OVER: Final = frozenset(
    (State.TAKEN_OVER_BEFORE_LOGIN, State.TAKEN_OVER, State.TAKEN_OVER_SELECTED)
)
READING: Final = frozenset((*COMMANDING, *IDLING, *APPENDING, State.CHALLENGED))
"""States in which octets are read."""


def follow(table: Table, state: State, step: Step) -> State:
    """The state after this step.

    Raises:
        LocalProtocolError: the table does not allow it.
    """
    target = table[state].get(step)
    if target is None:
        raise LocalProtocolError(f"{step.value!r} is not possible in state {state.value!r}")
    return target


def mermaid(table: Table) -> str:
    """The table as a Mermaid state diagram; steps with the same two ends share one arrow.

    `Step.STOPPED`, which leads from everywhere to CLOSED, is left out.
    """
    arrows = (
        (state, target, step.value)
        for state, row in table.items()
        for step, target in row.items()
        if step is not Step.STOPPED
    )
    return draw(next(iter(table)), State.CLOSED, arrows, between=" / ")
