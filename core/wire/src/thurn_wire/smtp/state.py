"""The states of both sides of SMTP and LMTP, and their transitions, as data; see `table`.

Rules of this file:
1. The server moves by a command when the answer to it is positive; REFUSED follows a negative one.
2. The client moves by HELLO, STARTTLS, AUTH and QUIT when they are answered, and by other commands
   when they are sent, so that it can send groups of them. RFC 2920.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from thurn_wire.table import Row, Table


class State(StrEnum):
    """Where a dialogue is."""

    GREETING = "greeting"
    """Connected; the server has not sent its greeting."""
    TURNED_AWAY = "turned away"
    """The greeting was 554: only QUIT is possible. RFC 5321 §3.1."""
    START = "start"
    """The greeting was 220, or TLS has started; the client has not sent EHLO."""
    READY = "ready"
    """EHLO is answered; no transaction is open."""
    TLS_HANDSHAKE = "TLS handshake"
    """STARTTLS is accepted; the next octets are TLS's. RFC 3207 §4."""
    CHALLENGED = "challenged"
    """The server sent a challenge; the next line belongs to the mechanism. RFC 4954 §4."""
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


class Step(StrEnum):
    """What moves a dialogue: commands first, then what else happens."""

    HELLO = "EHLO or HELO or LHLO"
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
    REFUSED = "refused"
    """The greeting was 554, or the answer to a command was negative."""
    CHALLENGE = "challenge"
    TLS_STARTED = "TLS started"
    CHUNK_ENDED = "chunk ended"
    MESSAGE_ENDED = "message answered"
    TRANSACTION_FAILED = "transaction failed"
    STOPPED = "stopped"
    """The connection ended, a limit was reached, or one side ended the dialogue."""


COMMANDS: Final = tuple(Step)[: tuple(Step).index(Step.GREETED)]
"""The steps that are commands."""


def _idle(state: State) -> Row[Step, State]:
    """The steps of every state that reads commands. RFC 5321 §4.1.4."""
    same = (Step.NOOP, Step.VRFY, Step.EXPN, Step.HELP, Step.REFUSED)
    return {**dict.fromkeys(same, state), Step.QUIT: State.CLOSED}


_RESETTING: Final[Row[Step, State]] = {Step.RSET: State.READY, Step.HELLO: State.READY}
"""EHLO and RSET end a transaction. RFC 5321 §4.1.1.5, §4.1.4."""
_AUTHENTICATING: Final[Row[Step, State]] = {
    Step.AUTH: State.READY,
    Step.CHALLENGE: State.CHALLENGED,
}

_SERVER: Final[Mapping[State, Row[Step, State]]] = {
    State.GREETING: {Step.GREETED: State.START, Step.REFUSED: State.TURNED_AWAY},
    State.TURNED_AWAY: {Step.QUIT: State.CLOSED, Step.REFUSED: State.TURNED_AWAY},
    State.START: {
        **_idle(State.START),
        Step.RSET: State.START,
        Step.HELLO: State.READY,
    },
    State.READY: {
        **_idle(State.READY),
        **_RESETTING,
        **_AUTHENTICATING,
        Step.MAIL: State.SENDER,
        Step.STARTTLS: State.TLS_HANDSHAKE,
    },
    State.TLS_HANDSHAKE: {Step.TLS_STARTED: State.START},
    State.CHALLENGED: {**_AUTHENTICATING, Step.REFUSED: State.READY},
    State.SENDER: {**_idle(State.SENDER), **_RESETTING, Step.RCPT: State.RECIPIENT},
    State.RECIPIENT: {
        **_idle(State.RECIPIENT),
        **_RESETTING,
        Step.RCPT: State.RECIPIENT,
        Step.DATA: State.CONTENT,
        Step.BDAT: State.CHUNK,
        Step.TRANSACTION_FAILED: State.READY,
    },
    State.CONTENT: {Step.MESSAGE_ENDED: State.READY},
    State.CHUNK: {Step.CHUNK_ENDED: State.CHUNKS, Step.MESSAGE_ENDED: State.READY},
    State.CHUNKS: {
        **_idle(State.CHUNKS),
        **_RESETTING,
        Step.BDAT: State.CHUNK,
        Step.TRANSACTION_FAILED: State.READY,
    },
    State.CLOSED: {},
}

SERVER: Final = Table(_SERVER, stopped=Step.STOPPED)
"""The server side."""

_CLIENT: Final[Mapping[State, Row[Step, State]]] = {
    State.GREETING: {Step.GREETED: State.START, Step.REFUSED: State.TURNED_AWAY},
    State.TURNED_AWAY: {Step.QUIT: State.CLOSED},
    State.START: {
        Step.HELLO: State.READY,
        Step.NOOP: State.START,
        Step.QUIT: State.CLOSED,
    },
    State.READY: {
        **_idle(State.READY),
        **_RESETTING,
        **_AUTHENTICATING,
        Step.MAIL: State.SENDER,
        Step.STARTTLS: State.TLS_HANDSHAKE,
    },
    State.TLS_HANDSHAKE: {Step.TLS_STARTED: State.START},
    State.CHALLENGED: {**_AUTHENTICATING, Step.REFUSED: State.READY},
    State.SENDER: {
        Step.RCPT: State.RECIPIENT,
        Step.RSET: State.READY,
        Step.QUIT: State.CLOSED,
        Step.TRANSACTION_FAILED: State.READY,
    },
    State.RECIPIENT: {
        Step.RCPT: State.RECIPIENT,
        Step.DATA: State.CONTENT,
        Step.BDAT: State.CHUNKS,
        Step.RSET: State.READY,
        Step.QUIT: State.CLOSED,
    },
    State.CONTENT: {Step.MESSAGE_ENDED: State.READY, Step.TRANSACTION_FAILED: State.RECIPIENT},
    State.CHUNKS: {
        Step.BDAT: State.CHUNKS,
        Step.RSET: State.READY,
        Step.QUIT: State.CLOSED,
        Step.MESSAGE_ENDED: State.READY,
        Step.TRANSACTION_FAILED: State.READY,
    },
    State.CLOSED: {},
}

CLIENT: Final = Table(_CLIENT, stopped=Step.STOPPED)
"""The client side."""
