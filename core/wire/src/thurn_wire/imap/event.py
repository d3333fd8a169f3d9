"""What an IMAP client asks of us: the events of the server side.

Rules of this file:
1. The engine takes octets and gives events; all octets that go out are the session's, made with
   `response`. Where the engine knows the answer the event carries it, ready to send.
2. Events that need a verb of the engine name it; until then `next_event` says PAUSED. All others
   are done with when `next_event` is called again.
3. Secrets are not in any repr.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from thurn_wire.imap.command import AppendItem, Command


class Pause(Enum):
    """`next_event` has no event now."""

    NEED_DATA = "need data"
    """Send what waits, then receive."""
    PAUSED = "paused"
    """The last event waits for its verb, or TLS is not up."""


NEED_DATA = Pause.NEED_DATA
PAUSED = Pause.PAUSED


class Reason(Enum):
    """Why a session ends."""

    LOGOUT = "logout"
    PEER_CLOSED = "peer closed"
    TOO_MANY_ERRORS = "too many errors"
    TOO_LARGE = "too large"
    """A literal, or a line without an end, that is not read away."""
    FOREIGN = "foreign protocol"
    """HTTP, a TLS hello in the clear; a server that breaks the dialogue."""
    CLOSED_HERE = "closed here"
    """`close` was called."""


@dataclass(frozen=True, slots=True)
class Request:
    """A whole command that is allowed in this state. The session answers it, tagged.

    These commands need a verb besides, according to the tagged answer:

    | command | verb |
    | --- | --- |
    | `Login` | `accept_login` or `deny` |
    | `Authenticate` | `challenge`, `accept_login` or `deny` |
    | `StartTls` | `accept_tls` (send OK, shake hands, `tls_started`) or `deny` |
    | `Select` | `accept_select` or `deny` (then nothing is selected) |
    | `Append` | `accept_append` or `deny`; the messages come behind it |
    | `Logout` | `close`, after BYE and OK |
    | one whose rule says `Step.TAKE_OVER` | `take_octets` as often as needed, then `hand_back` |

    After `Close` and `Unselect` nothing is selected. `Idle` begins at once: send a continuation;
    `IdleDone` ends it. `Enable` with IMAP4REV2 or UTF8=ACCEPT: call `use_utf8`.
    """

    tag: bytes
    command: Command


@dataclass(frozen=True, slots=True)
class ContinuationNeeded:
    """Send `response.continuation()`: the client waits to send a literal, within all bounds."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The engine refused what came: send `response`, which is whole.

    An `Append`, `Idle` or SASL exchange that was open is over: nothing is stored.

    Attributes:
        response: tagged BAD or NO; untagged BAD where there was no tag; BYE before `Closed`.
        tag: of the command, if it had one.
        text: what was wrong, for the log.
    """

    response: bytes
    tag: bytes | None
    text: str


@dataclass(frozen=True, slots=True)
class AppendMessage:
    """The next message of the open `Append` is announced; its size is within APPENDLIMIT.

    Verb: `accept_append` (a `ContinuationNeeded` follows if the client waits) or `deny`.
    """

    item: AppendItem


@dataclass(frozen=True, slots=True)
class AppendChunk:
    """Octets of the message, without NUL unless it is a literal8; `last`: it is whole now.

    Verb: none, but `deny` gives it all up.
    """

    octets: bytes = field(repr=False)
    last: bool


@dataclass(frozen=True, slots=True)
class AppendDone:
    """The open `Append` is whole: store all its messages or none, and answer. RFC 3502."""

    tag: bytes


@dataclass(frozen=True, slots=True)
class SaslResponse:
    """The client's answer to a challenge. Verbs as for `Authenticate`. RFC 9051 §6.2.2."""

    tag: bytes
    response: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class IdleDone:
    """DONE: answer the IDLE command, tagged. RFC 9051 §6.3.13."""

    tag: bytes


@dataclass(frozen=True, slots=True)
class Closed:
    """The session is over: send what waits, then close. Every later call says the same."""

    reason: Reason


Event: TypeAlias = (
    Request
    | ContinuationNeeded
    | Refused
    | AppendMessage
    | AppendChunk
    | AppendDone
    | SaslResponse
    | IdleDone
    | Closed
)
