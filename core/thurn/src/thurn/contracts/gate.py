"""The gate: login for every listener, offered by the host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from thurn.types.identity import Identity
from thurn.types.session import Session
from thurn.types.status import Status


@dataclass(frozen=True, slots=True)
class Ask:
    """Send this challenge (encoded as the protocol does) and come back with the response."""

    challenge: bytes


@dataclass(frozen=True, slots=True)
class Granted:
    """Logged in: `session.identity` is set. `data` goes out with the success where the protocol
    can; else as one more challenge with an empty response. RFC 4422 §3.6."""

    identity: Identity
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Refused:
    """Not logged in. The status is SMTP's; others translate by its code:
    535 wrong credentials, 454 trouble of ours, 538 needs encryption, 501 malformed,
    504 unknown mechanism, 550 not allowed for this account."""

    status: Status
    reason: str


LoginAnswer: TypeAlias = Ask | Granted | Refused


class Login(Protocol):
    """One SASL exchange under way."""

    async def respond(self, response: bytes) -> LoginAnswer:
        """Go on with the peer's response (decoded)."""

    def cancel(self) -> None:
        """The peer gave up ("*"); counts as no attempt."""


class Gate(Protocol):
    """Login with the mechanisms, accounts and policies of one listener."""

    def mechanisms(self, session: Session) -> tuple[str, ...]:
        """What may be offered now, best first: no plaintext ones without TLS unless set."""

    def password_allowed(self, session: Session) -> bool:
        """Whether `password` would be considered now (USER/PASS, LOGIN)."""

    async def begin(
        self, session: Session, mechanism: str, initial: bytes | None
    ) -> tuple[Login, LoginAnswer]:
        """Start an exchange; `initial` is the initial response, b"" for an empty one, None for
        none. Never raises but on cancellation: trouble is `Refused` with 454."""

    async def password(self, session: Session, name: str, password: str) -> Granted | Refused:
        """Login by name and password in the clear commands. Same rules as PLAIN."""
