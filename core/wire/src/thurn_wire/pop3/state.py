"""The states of both sides and every way between them, as data.

Rules of this file:
1. `SERVER` and `CLIENT` are the whole truth; the engines change their state only through `follow`.
2. In a state that reads commands each verb has an entry; None: refused in this state, the state
   stays. Any other pair that is missing is a bug of the caller (`LocalProtocolError`).
3. A server state either reads (`READING`) or waits for its caller: then `next_event` says PAUSED.
4. Diagrams are made from the tables (`mermaid`).

This file knows no octets.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TypeAlias, TypeVar

from thurn_wire.diagram import draw
from thurn_wire.pop3.command import Verb
from thurn_wire.pop3.error import LocalProtocolError


class State(StrEnum):
    """Where a session is. RFC 1939 §3 names AUTHORIZATION, TRANSACTION and UPDATE."""

    GREETING = "greeting"
    """Connected, nothing said."""
    AUTHORIZATION = "authorization"
    NAMED = "named"
    """USER was accepted: PASS may follow at once. RFC 1939 §7 (PASS)."""
    PASSWORD_GIVEN = "password given"  # noqa: S105 - a state
    """PASS or APOP came; the answer depends on the gate."""
    RESPONSE_GIVEN = "response given"
    """AUTH or a line of its exchange came; the mechanism says what is next."""
    CHALLENGED = "challenged"
    """A challenge was sent; the next line belongs to the mechanism. RFC 5034 §4."""
    TLS_ASKED = "TLS asked"
    TLS_HANDSHAKE = "TLS handshake"
    """STLS was agreed to: the next octets are TLS's. RFC 2595 §4."""
    TRANSACTION = "transaction"
    MESSAGE_ASKED = "message asked"
    """RETR or TOP came; the content is awaited."""
    MESSAGE_OPEN = "message open"
    """A message is sent in chunks."""
    UPDATE = "update"
    """QUIT came: the marked messages are removed now. RFC 1939 §6."""
    CLOSED = "closed"


class Step(StrEnum):
    """What moves a session besides the verbs."""

    GREETED = "greeted"
    REFUSED = "command refused"
    """The engine answered -ERR to a command."""
    AGREED = "+OK"
    DENIED = "-ERR"
    ACCEPTED = "login accepted"
    CHALLENGE = "challenge"
    RESPONSE = "response"
    CANCELLED = "cancelled"
    SECURED = "TLS up"
    MESSAGE_BEGUN = "message begun"
    MESSAGE_ENDED = "message ended"
    STOPPED = "stopped"
    """The connection ended, a bound was passed, or sending failed."""


Trigger: TypeAlias = Verb | Step
Table: TypeAlias = Mapping[State, Mapping[Trigger, State | None]]

MAILDROP_VERBS: Final = (
    Verb.STAT,
    Verb.LIST,
    Verb.RETR,
    Verb.DELE,
    Verb.NOOP,
    Verb.RSET,
    Verb.TOP,
    Verb.UIDL,
)
LOGIN_VERBS: Final = (Verb.USER, Verb.PASS, Verb.APOP, Verb.AUTH, Verb.STLS)

_Key = TypeVar("_Key", bound=Trigger)


def _each(keys: tuple[_Key, ...], target: State | None) -> dict[Trigger, State | None]:
    return dict.fromkeys(keys, target)


_BEFORE_LOGIN: Final[dict[Trigger, State | None]] = {
    Verb.USER: State.NAMED,
    # RFC 1939 §7: PASS only right behind an accepted USER.
    Verb.PASS: None,
    Verb.APOP: State.PASSWORD_GIVEN,
    Verb.AUTH: State.RESPONSE_GIVEN,
    Verb.STLS: State.TLS_ASKED,
    Verb.CAPA: State.AUTHORIZATION,
    # RFC 1939 §4: QUIT here ends the session without an UPDATE state.
    Verb.QUIT: State.CLOSED,
    **_each(MAILDROP_VERBS, None),
    Step.REFUSED: State.AUTHORIZATION,
    Step.STOPPED: State.CLOSED,
}

SERVER: Final[Table] = {
    State.GREETING: {
        Step.GREETED: State.AUTHORIZATION,
        Step.DENIED: State.CLOSED,
        Step.STOPPED: State.CLOSED,
    },
    State.AUTHORIZATION: _BEFORE_LOGIN,
    State.NAMED: {**_BEFORE_LOGIN, Verb.PASS: State.PASSWORD_GIVEN},
    State.PASSWORD_GIVEN: {
        Step.ACCEPTED: State.TRANSACTION,
        Step.DENIED: State.AUTHORIZATION,
        Step.STOPPED: State.CLOSED,
    },
    State.RESPONSE_GIVEN: {
        Step.ACCEPTED: State.TRANSACTION,
        Step.CHALLENGE: State.CHALLENGED,
        Step.DENIED: State.AUTHORIZATION,
        Step.STOPPED: State.CLOSED,
    },
    State.CHALLENGED: {
        Step.RESPONSE: State.RESPONSE_GIVEN,
        Step.CANCELLED: State.AUTHORIZATION,
        Step.STOPPED: State.CLOSED,
    },
    State.TLS_ASKED: {
        Step.AGREED: State.TLS_HANDSHAKE,
        Step.DENIED: State.AUTHORIZATION,
        Step.STOPPED: State.CLOSED,
    },
    State.TLS_HANDSHAKE: {Step.SECURED: State.AUTHORIZATION, Step.STOPPED: State.CLOSED},
    State.TRANSACTION: {
        **_each(MAILDROP_VERBS, State.TRANSACTION),
        Verb.RETR: State.MESSAGE_ASKED,
        Verb.TOP: State.MESSAGE_ASKED,
        Verb.CAPA: State.TRANSACTION,
        Verb.QUIT: State.UPDATE,
        **_each(LOGIN_VERBS, None),
        Step.REFUSED: State.TRANSACTION,
        Step.STOPPED: State.CLOSED,
    },
    State.MESSAGE_ASKED: {
        Step.AGREED: State.TRANSACTION,
        Step.DENIED: State.TRANSACTION,
        Step.MESSAGE_BEGUN: State.MESSAGE_OPEN,
        Step.STOPPED: State.CLOSED,
    },
    State.MESSAGE_OPEN: {Step.MESSAGE_ENDED: State.TRANSACTION, Step.STOPPED: State.CLOSED},
    State.UPDATE: {
        Step.AGREED: State.CLOSED,
        Step.DENIED: State.CLOSED,
        Step.STOPPED: State.CLOSED,
    },
    State.CLOSED: {Step.STOPPED: State.CLOSED},
}
"""The server side."""

READING: Final = frozenset((State.AUTHORIZATION, State.NAMED, State.CHALLENGED, State.TRANSACTION))
"""Server states in which the peer's next line is read."""

COMMANDING: Final = READING - {State.CHALLENGED}
"""Server states in which that line is a command."""

CLIENT: Final[Table] = {
    State.GREETING: {
        Step.GREETED: State.AUTHORIZATION,
        Step.DENIED: State.CLOSED,
        Step.STOPPED: State.CLOSED,
    },
    State.AUTHORIZATION: {
        Verb.USER: State.AUTHORIZATION,
        Verb.PASS: State.AUTHORIZATION,
        Verb.APOP: State.AUTHORIZATION,
        Verb.AUTH: State.RESPONSE_GIVEN,
        Verb.STLS: State.TLS_ASKED,
        Verb.CAPA: State.AUTHORIZATION,
        Verb.QUIT: State.UPDATE,
        **_each(MAILDROP_VERBS, None),
        Step.ACCEPTED: State.TRANSACTION,
        Step.STOPPED: State.CLOSED,
    },
    State.RESPONSE_GIVEN: {
        Step.ACCEPTED: State.TRANSACTION,
        Step.CHALLENGE: State.CHALLENGED,
        Step.DENIED: State.AUTHORIZATION,
        Step.STOPPED: State.CLOSED,
    },
    State.CHALLENGED: {
        Step.RESPONSE: State.RESPONSE_GIVEN,
        # RFC 5034 §4: the server answers "*" with -ERR.
        Step.CANCELLED: State.RESPONSE_GIVEN,
        Step.STOPPED: State.CLOSED,
    },
    State.TLS_ASKED: {
        Step.AGREED: State.TLS_HANDSHAKE,
        Step.DENIED: State.AUTHORIZATION,
        Step.STOPPED: State.CLOSED,
    },
    State.TLS_HANDSHAKE: {Step.SECURED: State.AUTHORIZATION, Step.STOPPED: State.CLOSED},
    State.TRANSACTION: {
        **_each(MAILDROP_VERBS, State.TRANSACTION),
        Verb.CAPA: State.TRANSACTION,
        Verb.QUIT: State.UPDATE,
        **_each(LOGIN_VERBS, None),
        Step.STOPPED: State.CLOSED,
    },
    State.UPDATE: {
        Step.AGREED: State.CLOSED,
        Step.DENIED: State.CLOSED,
        Step.STOPPED: State.CLOSED,
    },
    State.CLOSED: {Step.STOPPED: State.CLOSED},
}
"""The client side; a verb moves it when it is sent, a step when the reply has come."""


def follow(table: Table, state: State, trigger: Trigger) -> State:
    """The state after this trigger.

    Raises:
        LocalProtocolError: the table does not allow it.
    """
    target = table[state].get(trigger)
    if target is None:
        raise LocalProtocolError(f"{trigger.value!r} is not possible in state {state.value!r}")
    return target


def mermaid(table: Table) -> str:
    """The table as a Mermaid state diagram; triggers with the same two ends share one arrow.

    `Step.STOPPED`, which leads from everywhere to CLOSED, is left out.
    """
    arrows = (
        (state, target, trigger.value)
        for state, row in table.items()
        for trigger, target in row.items()
        if target is not None and trigger is not Step.STOPPED
    )
    return draw(State.GREETING, State.CLOSED, arrows)
