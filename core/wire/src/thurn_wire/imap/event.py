"""The events of the IMAP server engine.

Rules of this file:
1. These events wait for an answer; until then `next_event` returns PAUSED: `Connected`, `Request`,
   `AuthResponse`, `AppendMessage`, `AppendDone`, `IdleDone`. All others inform; the engine has
   answered what they report.
2. What the engine can refuse by itself (grammar, phase, limits), and LOGOUT, is not an event.
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
from thurn_wire.imap.command import AppendItem, Command

__all__ = [
    "NEED_DATA",
    "PAUSED",
    "AppendCancelled",
    "AppendChunk",
    "AppendDone",
    "AppendMessage",
    "AuthCancelled",
    "AuthResponse",
    "Closed",
    "Connected",
    "Event",
    "IdleDone",
    "Pause",
    "Reason",
    "Request",
]


@dataclass(frozen=True, slots=True)
class Request:
    """A whole command that is allowed in this phase.

    Answer: `send` with the tagged reply; untagged responses go before it by `write`. These commands
    have further rules:

    | command | answer |
    | --- | --- |
    | `Authenticate` | `challenge`, or `send` |
    | `StartTls` | `accept`, send, do the handshake, `tls_started`; or refuse |
    | `Select` | a refusal leaves no mailbox selected |
    | `Append` | `accept` lets the messages come, without a reply; or refuse |
    | `Idle` | `accept` sends a continuation; `IdleDone` is its end |
    | `Enable` with IMAP4REV2 or UTF8=ACCEPT | call `use_utf8` as well |
    | one whose rule has `Step.TAKE_OVER` | `take_octets` as often as needed, then `send`; or \
      `hand_back` if the reply was written already |

    Attributes:
        tag: the tag of the command, which the engine puts in front of the reply.
        command: the command.
    """

    tag: bytes
    command: Command


@dataclass(frozen=True, slots=True)
class AppendMessage:
    """The next message of the open `Append` is announced; its size is within APPENDLIMIT.

    Answer: `accept` lets it come; a refusal refuses the whole command.
    """

    item: AppendItem


@dataclass(frozen=True, slots=True)
class AppendChunk:
    """The next octets of the message, without NUL unless it is a literal8.

    A refusal is possible now, too; it refuses the whole command.

    Attributes:
        octets: as they came.
        last: the message is whole with them.
    """

    octets: bytes = field(repr=False)
    last: bool


@dataclass(frozen=True, slots=True)
class AppendDone:
    """The open `Append` is whole: store all its messages or none, and answer. RFC 3502."""

    tag: bytes


@dataclass(frozen=True, slots=True)
class AppendCancelled:
    """The engine refused the open `Append`: store nothing."""


@dataclass(frozen=True, slots=True)
class IdleDone:
    """DONE: answer the IDLE command. RFC 9051 §6.3.13."""

    tag: bytes


Event: TypeAlias = (
    Connected
    | Request
    | AuthResponse
    | AuthCancelled
    | AppendMessage
    | AppendChunk
    | AppendDone
    | AppendCancelled
    | IdleDone
    | Closed
)
