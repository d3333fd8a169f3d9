"""The gate: the host's login, the same for every listener."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from thurn.types.identity import Identity
from thurn.types.session import Session
from thurn.types.status import Status


@dataclass(frozen=True, slots=True)
class Ask:
    """Send this challenge, encoded as the protocol does it, and call `Login.respond` with the
    response."""

    challenge: bytes


@dataclass(frozen=True, slots=True)
class Granted:
    """Logged in: `session.identity` is set. `data` is sent with the success if the protocol can do
    that, otherwise as one more challenge, which has an empty response. RFC 4422 §3.6."""

    identity: Identity
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Refused:
    """Not logged in. The status is SMTP's; listeners of other protocols translate its code:
    535 wrong credentials, 454 internal failure, 538 needs encryption, 501 malformed,
    504 unknown mechanism, 550 not allowed for this account."""

    status: Status
    reason: str


LoginAnswer: TypeAlias = Ask | Granted | Refused


class Login(Protocol):
    """One SASL exchange under way."""

    async def respond(self, response: bytes) -> LoginAnswer:
        """Go on with the peer's response, decoded."""

    def cancel(self) -> None:
        """End the exchange because the peer gave up ("*"). It does not count as an attempt."""


class Gate(Protocol):
    """Login with the mechanisms, accounts and policies of one listener."""

    def mechanisms(self, session: Session) -> tuple[str, ...]:
        """The mechanisms that may be offered now, in the order of the configuration. Those in which
        the password can be read are left out without TLS, unless the site allows them."""

    def password_allowed(self, session: Session) -> bool:
        """Whether `password` may be used now (USER/PASS, LOGIN)."""

    async def begin(
        self, session: Session, mechanism: str, initial: bytes | None
    ) -> tuple[Login, LoginAnswer]:
        """Start an exchange. It raises only on cancellation: a failure is `Refused` with 454.

        Args:
            session: the session that wants to log in.
            mechanism: the mechanism's name, in any case.
            initial: the initial response, b"" for an empty one; None: the client sent none.
        """

    async def password(self, session: Session, name: str, password: str) -> Granted | Refused:
        """Log in by name and password, as with the protocol's own command for that. The rules are
        the same as for PLAIN."""
