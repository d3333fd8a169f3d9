"""The states of both sides and their transitions, as data.

Rules of this file:
1. A table maps (state, input) to the state after it, for every pair: a test proves it total.
2. An input is a command that succeeds, or something that happens. None means: a command is out of
   sequence (503, nothing changes); anything else cannot happen, and asking for it is a bug here.
3. The diagrams in the documentation are made from the tables by `mermaid`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TypeAlias

from thurn_wire.diagram import draw
from thurn_wire.smtp.error import LocalProtocolError


class State(StrEnum):
    """Where a dialogue is."""

    CONNECTED = "connected"
    """Before the greeting."""
    TURNED_AWAY = "turned away"
    """The greeting was 554: only QUIT is left. RFC 5321 §3.1."""
    START = "start"
    """Greeted, or TLS is up; nobody has said hello."""
    READY = "ready"
    """Hello is said; no transaction."""
    SECURING = "securing"
    """STARTTLS is accepted; the handshake is not done. RFC 3207 §4."""
    AUTHENTICATING = "authenticating"
    """A SASL exchange is under way. RFC 4954 §4."""
    SENDER = "sender"
    """MAIL is accepted; no recipient is."""
    RECIPIENT = "recipient"
    """At least one recipient is accepted."""
    CONTENT = "content"
    """After 354, until the end of data is answered."""
    CHUNK = "chunk"
    """Inside the octets of a BDAT. RFC 3030 §2."""
    CHUNKS = "chunks"
    """Between two BDAT of one message."""
    CLOSED = "closed"


class Input(StrEnum):
    """What moves a dialogue: commands first, then what happens."""

    HELLO = "EHLO, HELO or LHLO"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    BDAT = "BDAT"
    RSET = "RSET"
    NOOP = "NOOP"
    QUIT = "QUIT"
    VRFY = "VRFY"
    EXPN = "EXPN"
    HELP = "HELP"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    GREETED = "220"
    REFUSED = "554 greeting"
    CHUNK_ENDED = "chunk ended"
    MESSAGE_ENDED = "message answered"
    TRANSACTION_FAILED = "transaction failed"
    AUTH_ENDED = "exchange ended"
    TLS_STARTED = "TLS started"
    STOPPED = "closed"


COMMANDS: Final = tuple(Input)[: tuple(Input).index(Input.GREETED)]

Row: TypeAlias = Mapping[Input, State]
Table: TypeAlias = Mapping[tuple[State, Input], State | None]


def _idle(state: State) -> dict[Input, State]:
    """What is possible whenever commands are read and changes nothing. RFC 5321 §4.1.4."""
    same = (Input.NOOP, Input.VRFY, Input.EXPN, Input.HELP)
    return {**dict.fromkeys(same, state), Input.QUIT: State.CLOSED}


# EHLO and RSET end a transaction. RFC 5321 §4.1.1.5, §4.1.4.
_RESETTING: Final = {Input.RSET: State.READY, Input.HELLO: State.READY}

_SERVER_ROWS: Final[Mapping[State, Row]] = {
    State.CONNECTED: {Input.GREETED: State.START, Input.REFUSED: State.TURNED_AWAY},
    State.TURNED_AWAY: {Input.QUIT: State.CLOSED},
    State.START: {
        **_idle(State.START),
        Input.RSET: State.START,
        Input.HELLO: State.READY,
    },
    State.READY: {
        **_idle(State.READY),
        **_RESETTING,
        Input.MAIL: State.SENDER,
        Input.STARTTLS: State.SECURING,
        Input.AUTH: State.AUTHENTICATING,
    },
    State.SECURING: {Input.TLS_STARTED: State.START},
    State.AUTHENTICATING: {Input.AUTH_ENDED: State.READY},
    State.SENDER: {**_idle(State.SENDER), **_RESETTING, Input.RCPT: State.RECIPIENT},
    State.RECIPIENT: {
        **_idle(State.RECIPIENT),
        **_RESETTING,
        Input.RCPT: State.RECIPIENT,
        Input.DATA: State.CONTENT,
        Input.BDAT: State.CHUNK,
        Input.TRANSACTION_FAILED: State.READY,
    },
    State.CONTENT: {Input.MESSAGE_ENDED: State.READY},
    State.CHUNK: {Input.CHUNK_ENDED: State.CHUNKS, Input.MESSAGE_ENDED: State.READY},
    State.CHUNKS: {
        **_idle(State.CHUNKS),
        **_RESETTING,
        Input.BDAT: State.CHUNK,
    },
    State.CLOSED: {},
}


def _total(rows: Mapping[State, Row]) -> Table:
    """Every pair; `STOPPED` leads from everywhere to CLOSED."""
    return {
        (state, given): State.CLOSED if given is Input.STOPPED else rows[state].get(given)
        for state in State
        for given in Input
    }


SERVER: Final[Table] = _total(_SERVER_ROWS)
"""The server side: a command moves it when its reply is positive."""


_CLIENT_ROWS: Final[Mapping[State, Row]] = {
    State.CONNECTED: {Input.GREETED: State.START, Input.REFUSED: State.TURNED_AWAY},
    State.TURNED_AWAY: {Input.QUIT: State.CLOSED},
    State.START: {
        Input.HELLO: State.READY,
        Input.NOOP: State.START,
        Input.QUIT: State.CLOSED,
    },
    State.READY: {
        **_idle(State.READY),
        **_RESETTING,
        Input.MAIL: State.SENDER,
        Input.STARTTLS: State.SECURING,
        Input.AUTH: State.AUTHENTICATING,
    },
    State.SECURING: {Input.TLS_STARTED: State.START},
    State.AUTHENTICATING: {
        Input.AUTH: State.AUTHENTICATING,
        Input.AUTH_ENDED: State.READY,
    },
    State.SENDER: {
        Input.RCPT: State.RECIPIENT,
        Input.RSET: State.READY,
        Input.QUIT: State.CLOSED,
        Input.TRANSACTION_FAILED: State.READY,
    },
    State.RECIPIENT: {
        Input.RCPT: State.RECIPIENT,
        Input.DATA: State.CONTENT,
        Input.BDAT: State.CHUNKS,
        Input.RSET: State.READY,
        Input.QUIT: State.CLOSED,
    },
    State.CONTENT: {Input.MESSAGE_ENDED: State.READY, Input.TRANSACTION_FAILED: State.RECIPIENT},
    State.CHUNK: {},
    State.CHUNKS: {
        Input.BDAT: State.CHUNKS,
        Input.RSET: State.READY,
        Input.QUIT: State.CLOSED,
        Input.MESSAGE_ENDED: State.READY,
        Input.TRANSACTION_FAILED: State.READY,
    },
    State.CLOSED: {},
}

CLIENT: Final[Table] = _total(_CLIENT_ROWS)
"""The client side: HELLO, STARTTLS, AUTH and QUIT move it when they are answered, other commands
when they are said, so that groups can be (RFC 2920)."""


def follow(table: Table, state: State, given: Input) -> State:
    """The state after this.

    Raises:
        LocalProtocolError: the table has no way.
    """
    target = table[state, given]
    if target is None:
        raise LocalProtocolError(f"{given.name} is not possible in state {state.name}")
    return target


def mermaid(table: Table) -> str:
    """The table as a Mermaid state diagram; inputs with the same two ends share one arrow.

    `STOPPED`, which leads from everywhere to CLOSED, is left out.
    """
    arrows = (
        (state, target, given.value)
        for (state, given), target in table.items()
        if target is not None and given is not Input.STOPPED
    )
    return draw(State.CONNECTED, State.CLOSED, arrows)
