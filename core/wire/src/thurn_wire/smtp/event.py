"""The events of the SMTP server engine: commands, and what else a session has to know.

Rules of this file:
1. These events wait for an answer; until then `next_event` returns PAUSED: `Connected`, `Hello`,
   `StartTls`, `Auth`, `AuthResponse`, `Mail`, `Recipient`, `DataBegin`, `Message`, `Verify`,
   `Expand`. All others inform; the engine has answered what they report.
2. What the engine can refuse by itself (grammar, sequence, limits) is not an event.
3. Secrets are not part of any repr.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from thurn_wire.event import (
    NEED_DATA,
    PAUSED,
    AuthCancelled,
    AuthResponse,
    Closed,
    Connected,
    Pause,
    Reason,
)
from thurn_wire.smtp.command import (
    Auth,
    Expand,
    Hello,
    Mail,
    Recipient,
    Reset,
    StartTls,
    Verify,
)
from thurn_wire.smtp.reply import Reply

__all__ = [
    "NEED_DATA",
    "PAUSED",
    "Auth",
    "AuthCancelled",
    "AuthResponse",
    "Closed",
    "Connected",
    "ContentRefused",
    "DataBegin",
    "DataChunk",
    "Event",
    "Expand",
    "Hello",
    "Mail",
    "Message",
    "Pause",
    "Reason",
    "Recipient",
    "Reset",
    "StartTls",
    "Verify",
]


@dataclass(frozen=True, slots=True)
class DataBegin:
    """DATA, or the first BDAT, with at least one recipient. Answer: `accept` (354) or refuse.

    For BDAT the engine does not send the 354, and sends a refusal after the announced octets.
    A refusal ends the transaction: of BDAT by RFC 3030 §2, of DATA because there are clients that
    go on with MAIL.

    Attributes:
        chunked: the content comes by BDAT.
    """

    chunked: bool


@dataclass(frozen=True, slots=True)
class DataChunk:
    """The next part of a large content: at least `SmtpConfig.spill_octets`, or, after
    `SmtpServer.spill`, what has come."""

    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """The content is whole, and the transaction ends. Answer: one reply; LMTP: `send_replies`.

    Attributes:
        octets: the content, or what follows the last `DataChunk`.
        size_octets: the size of the whole content.
        chunked: the content came by BDAT.
    """

    octets: bytes = field(repr=False)
    size_octets: int
    chunked: bool


@dataclass(frozen=True, slots=True)
class ContentRefused:
    """The engine refused the content and ended the transaction.

    The content is too large, has bare line ends, or came by a BDAT with a syntax error.

    Attributes:
        reply: what the engine answered.
        size_octets: the size of the content; if it is too large, the octets received.
    """

    reply: Reply
    size_octets: int


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
