"""What a server's session is told, and what it answers.

Rules of this file:
1. An event that says "Answer" waits for it: `accept` (the usual positive reply) or `send`; until
   then `next_event` says PAUSED. The others inform; their replies are already given.
2. What the engine can refuse by itself (grammar, sequence, limits) is no event.
3. Octets that people typed as secrets are not in any repr.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from thurn_wire.smtp.reply import Reply


class Pause(Enum):
    """`next_event` has no event now."""

    NEED_DATA = "need data"
    """Send what waits, then receive."""
    PAUSED = "paused"
    """The last event is not answered, or TLS is not up."""


NEED_DATA = Pause.NEED_DATA
PAUSED = Pause.PAUSED


class Reason(Enum):
    """Why a dialogue ends."""

    QUIT = "quit"
    PEER_CLOSED = "peer closed"
    TOO_MANY_ERRORS = "too many errors"
    FOREIGN = "foreign protocol"
    """HTTP, a TLS hello in the clear, other binary, a line without an end."""
    REFUSED = "refused"
    """The session answered 421."""
    DRAINED = "drained"
    SEND_FAILED = "send failed"


@dataclass(frozen=True, slots=True)
class Connected:
    """The first event. Answer: 220 (`accept`), 554 (only QUIT is left then), 421. RFC 5321 §3.1."""


@dataclass(frozen=True, slots=True)
class Hello:
    """EHLO, HELO or LHLO. Answer; to EHLO and LHLO the engine adds the keywords.

    It ends a transaction that was open, if the answer is positive. RFC 5321 §4.1.1.1, §4.1.4.
    """

    verb: str
    name: str


@dataclass(frozen=True, slots=True)
class StartTls:
    """STARTTLS. Answer; after 220: send, shake hands, `tls_started`.

    Attributes:
        buffered_octets: what the peer sent behind the command, in the clear; a positive answer
            drops it. More than 0 is an attack or a broken client: closing is right, too.

    RFC 3207 §4.
    """

    buffered_octets: int


@dataclass(frozen=True, slots=True)
class Auth:
    """AUTH with an offered mechanism. Answer: `challenge`, 235 (`accept`) or a refusal.

    Attributes:
        initial_response: decoded; None if there was none, b"" if it was "=".

    RFC 4954 §4.
    """

    mechanism: str
    initial_response: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuthResponse:
    """The peer's answer to a challenge, decoded. Answer as for `Auth`."""

    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuthCancelled:
    """The exchange is over ("*", no base64, too long a line): forget it. RFC 4954 §4."""


@dataclass(frozen=True, slots=True)
class Mail:
    """MAIL. Answer; a positive one opens the transaction. RFC 5321 §4.1.1.2.

    Attributes:
        path: what stood between the angle brackets, not judged; None for `<>`.
        parameters: keyword (upper case) to value; only known ones.
        size_octets: SIZE=, within the limit; None if not given. RFC 1870 §6.
        smtputf8: SMTPUTF8 was given: only then may `path` hold UTF-8. RFC 6531 §3.4.
    """

    path: bytes | None
    parameters: Mapping[str, str | None]
    size_octets: int | None
    smtputf8: bool


@dataclass(frozen=True, slots=True)
class Recipient:
    """RCPT. Answer. RFC 5321 §4.1.1.3.

    Attributes:
        path: what stood between the angle brackets, not judged, never empty.
        parameters: keyword (upper case) to value; only known ones.
    """

    path: bytes
    parameters: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class DataBegin:
    """DATA, or the first BDAT, with at least one recipient. Answer: 354 (`accept`) or a refusal.

    For BDAT the engine keeps the 354 to itself, and sends a refusal after the announced octets.
    A refused BDAT ends the transaction (RFC 3030 §2), a refused DATA does not.
    """

    chunked: bool


@dataclass(frozen=True, slots=True)
class DataChunk:
    """Part of the content: at least the spill threshold has come in. In order, none twice."""

    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """The message is whole and the transaction ends. Answer: one reply; LMTP: `send_replies`.

    Attributes:
        octets: the content, or what is left of it behind the `DataChunk`s.
        size_octets: of the whole content.
        chunked: it came by BDAT.
    """

    octets: bytes = field(repr=False)
    size_octets: int
    chunked: bool


@dataclass(frozen=True, slots=True)
class ContentRefused:
    """The engine refused the content (too large, bare line ends): the transaction is over."""

    reply: Reply
    size_octets: int


@dataclass(frozen=True, slots=True)
class Reset:
    """RSET: forget the transaction, if there is one. RFC 5321 §4.1.1.5."""


@dataclass(frozen=True, slots=True)
class Verify:
    """VRFY; only if the configuration says so. Answer. RFC 5321 §4.1.1.6."""

    argument: str


@dataclass(frozen=True, slots=True)
class Expand:
    """EXPN; only if the configuration says so. Answer. RFC 5321 §4.1.1.7."""

    argument: str


@dataclass(frozen=True, slots=True)
class Closed:
    """It is over: send what waits, then close. A transaction that is open is lost.

    Every later `next_event` says the same.
    """

    reason: Reason


Event: TypeAlias = (
    Connected
    | Hello
    | StartTls
    | Auth
    | AuthResponse
    | AuthCancelled
    | Mail
    | Recipient
    | DataBegin
    | DataChunk
    | Message
    | ContentRefused
    | Reset
    | Verify
    | Expand
    | Closed
)
