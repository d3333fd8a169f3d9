"""Pauses, ends, and the events that all protocols share.

Rules of this file:
1. `next_event` returns an event or a `Pause`; a pause says what the caller has to do first.
2. `Closed` is the last event of every engine; each later call of `next_event` returns it again.
3. Secrets are not part of any repr.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final


class Pause(Enum):
    """`next_event` has no event now."""

    NEED_DATA = "need data"
    """Send what `data_to_send` returns, then receive."""
    PAUSED = "paused"
    """The last event waits for its answer, or the TLS handshake is not done."""
    OUTPUT_FULL = "output full"
    """Send what `data_to_send` returns, then call `next_event` again: commands may be waiting."""


NEED_DATA: Final = Pause.NEED_DATA
PAUSED: Final = Pause.PAUSED
OUTPUT_FULL: Final = Pause.OUTPUT_FULL


class Reason(Enum):
    """Why a dialogue ended."""

    QUIT = "quit"
    """The client ended it by QUIT or LOGOUT."""
    PEER_CLOSED = "peer closed"
    """The peer ended its stream without QUIT or LOGOUT."""
    TOO_MANY_ERRORS = "too many errors"
    TOO_LARGE = "too large"
    """The peer sent a line or literal that is too large to be read and dropped."""
    FOREIGN = "foreign protocol"
    """The peer speaks HTTP, TLS on a port without it, or breaks the protocol."""
    REFUSED = "refused"
    """The server ended it: a greeting that refuses service, 421, BYE."""
    DRAINED = "drained"
    """The server shuts down."""
    SEND_FAILED = "send failed"


@dataclass(frozen=True, slots=True)
class Connected:
    """The first event of every server engine. Answer: a greeting."""


@dataclass(frozen=True, slots=True)
class AuthResponse:
    """The client's response to a SASL challenge, decoded. Answer as for the command AUTH."""

    response: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuthCancelled:
    """The SASL exchange ended without a result: forget it. The engine has answered.

    The client sent "*", or a line that cannot be read.
    """


@dataclass(frozen=True, slots=True)
class Challenge:
    """Client side: the server sent a SASL challenge, decoded. Call `respond` or `cancel`."""

    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Closed:
    """The dialogue is over: send what `data_to_send` returns, then close the connection."""

    reason: Reason
