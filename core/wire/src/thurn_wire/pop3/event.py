"""The events of the POP3 server engine: commands, and what else a session has to know.

Rules of this file:
1. Every event but `AuthCancelled` and `Closed` waits for an answer; until then `next_event` returns
   PAUSED.
2. What the engine can answer by itself is not an event.
3. Secrets are not part of any repr.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from thurn_wire.event import (
    NEED_DATA,
    OUTPUT_FULL,
    PAUSED,
    AuthCancelled,
    AuthResponse,
    Closed,
    Connected,
    Pause,
    Reason,
)
from thurn_wire.pop3.command import Apop, Auth, Retrieve, StartTls, Top

__all__ = [
    "NEED_DATA",
    "OUTPUT_FULL",
    "PAUSED",
    "Apop",
    "Auth",
    "AuthCancelled",
    "AuthResponse",
    "Closed",
    "Connected",
    "Event",
    "PasswordLogin",
    "Pause",
    "Reason",
    "Retrieve",
    "StartTls",
    "Top",
    "Update",
]


@dataclass(frozen=True, slots=True)
class PasswordLogin:
    """USER and PASS. Answer: `accept_login`, or refuse. RFC 1939 §7."""

    name: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Update:
    """QUIT after login: remove these messages, then `accept` or refuse. RFC 1939 §6."""

    deleted: tuple[int, ...]


Event: TypeAlias = (
    Connected
    | PasswordLogin
    | Apop
    | Auth
    | AuthResponse
    | AuthCancelled
    | StartTls
    | Retrieve
    | Top
    | Update
    | Closed
)
