"""What a POP3 client asks of us: the events of the server side.

Rules of this file:
1. Each event names the verbs of the engine that answer it; until then `next_event` says PAUSED.
   What the engine can answer by itself is no event.
2. Secrets are not in any repr.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias


class Pause(Enum):
    """`next_event` has no event now."""

    NEED_DATA = "need data"
    """Send what waits, then receive."""
    PAUSED = "paused"
    """The last event is not answered, the greeting is not said, or TLS is not up."""
    OUTPUT_FULL = "output full"
    """Send what waits, then ask again: there may be more commands."""


NEED_DATA = Pause.NEED_DATA
PAUSED = Pause.PAUSED
OUTPUT_FULL = Pause.OUTPUT_FULL


class Reason(Enum):
    """Why a session ends."""

    QUIT = "quit"
    PEER_CLOSED = "peer closed"
    """The peer ended it without QUIT: nothing is deleted. RFC 1939 §6."""
    TOO_MANY_ERRORS = "too many errors"
    FOREIGN = "foreign protocol"
    """HTTP, a TLS hello in the clear, a line without an end; a server that breaks the dialogue."""
    REFUSED = "refused"
    """Our greeting was -ERR."""
    DRAINED = "drained"
    SEND_FAILED = "send failed"


@dataclass(frozen=True, slots=True)
class PasswordLogin:
    """USER and PASS. Answer: `accept_login` or `reply_error`. RFC 1939 §7."""

    name: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DigestLogin:
    """APOP: MD5 of greeting's timestamp and the shared secret. Answer as for `PasswordLogin`.

    RFC 1939 §7 (APOP).
    """

    name: str
    digest: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuthStart:
    """AUTH with an offered mechanism; `initial` None: no initial response, b"": an empty one.

    Answer: `challenge`, `accept_login` or `reply_error`. RFC 5034 §4.
    """

    mechanism: str
    initial: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuthResponse:
    """The client's answer to a challenge. Answer as for `AuthStart`. RFC 5034 §4."""

    response: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuthCancelled:
    """The exchange is over without a result ("*", or a line that cannot be read): forget it.

    It is answered already. RFC 5034 §4.
    """


@dataclass(frozen=True, slots=True)
class StartTls:
    """STLS. Answer: `reply_ok`, send, shake hands, `tls_started`; or `reply_error`. RFC 2595 §4."""


@dataclass(frozen=True, slots=True)
class Retrieve:
    """RETR. Answer: `reply_message`, `begin_message` … `end_message`, or `reply_error`.

    The message exists in the maildrop. RFC 1939 §5 (RETR).
    """

    number: int


@dataclass(frozen=True, slots=True)
class Top:
    """TOP. Answer: `reply_message(content.top(whole, lines))`, or as for `Retrieve`.

    The message exists in the maildrop. RFC 1939 §7 (TOP).
    """

    number: int
    lines: int


@dataclass(frozen=True, slots=True)
class Quit:
    """QUIT after login: remove these messages, then `reply_ok` or `reply_error`. RFC 1939 §6."""

    deleted: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Closed:
    """The session is over: send what waits, then close. Every later call says the same."""

    reason: Reason


Event: TypeAlias = (
    PasswordLogin
    | DigestLogin
    | AuthStart
    | AuthResponse
    | AuthCancelled
    | StartTls
    | Retrieve
    | Top
    | Quit
    | Closed
)
