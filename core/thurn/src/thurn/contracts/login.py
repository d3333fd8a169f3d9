"""Login policies: limiter, POP-before-SMTP grants, allowed networks. Awaited by the gate around
every login of every protocol, `after_login` before the positive reply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from thurn.types.identity import Identity
from thurn.types.session import Session


@dataclass(frozen=True, slots=True)
class Proceed:
    """No objection; wait `delay_seconds` before the answer is given."""

    delay_seconds: float = 0.0
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Forbid:
    """The login is refused whatever the password; `temporary` when it may work later."""

    reason: str
    temporary: bool = False
    detail: str = ""


LoginDecision: TypeAlias = Proceed | Forbid


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """A login about to be judged.

    Attributes:
        name: as the peer gave it, shortened.
        guess: equal for the same password said of the same name, over all mechanisms and workers;
            a keyed hash whose key is in no file and new at each start. None where the password is
            not seen (SCRAM), or not yet.
    """

    session: Session
    name: str
    mechanism: str
    guess: bytes | None = None


class LoginPolicy(Protocol):
    """A raising policy is a temporary refusal of this login; it never lets anyone in."""

    async def before_login(self, attempt: LoginAttempt) -> LoginDecision | None:
        """Asked before any credential is looked at; None is `Proceed()`."""

    async def after_login(
        self, attempt: LoginAttempt, identity: Identity | None
    ) -> LoginDecision | None:
        """Told the outcome: an identity, or None for wrong credentials (not for trouble).
        `Forbid` turns a success into a refusal. Another policy may forbid it still."""


class LoginRecorder(LoginPolicy, Protocol):
    """A policy that leaves something behind when somebody logs in: a grant, a note."""

    async def record_login(self, attempt: LoginAttempt, identity: Identity) -> None:
        """Told when all policies of the listener have allowed it, before the positive reply.

        Raises:
            TemporaryFailure: it cannot be recorded, and so nobody is logged in.
        """
