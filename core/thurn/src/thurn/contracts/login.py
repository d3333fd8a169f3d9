"""Login policies, such as a limiter of guesses or grants by POP-before-SMTP. The gate asks them
around every login of every protocol; it waits for `after_login` before the positive reply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from thurn.types.identity import Identity
from thurn.types.session import Session


@dataclass(frozen=True, slots=True)
class Proceed:
    """No objection; the answer to the peer waits `delay_seconds`."""

    delay_seconds: float = 0.0
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Forbid:
    """The login is refused whatever the password is; `temporary` if it may work later."""

    reason: str
    temporary: bool = False
    detail: str = ""


LoginDecision: TypeAlias = Proceed | Forbid


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """A login that is about to be judged.

    Attributes:
        name: the login name as the peer gave it, shortened.
        guess: a keyed hash of name and password, equal for the same pair in all mechanisms and
            workers; its key is in no file and new at each start. None while the password is not
            known, and if it is never seen (SCRAM).
    """

    session: Session
    name: str
    mechanism: str
    guess: bytes | None = None


class LoginPolicy(Protocol):
    """Judges logins. If it raises, this login is refused for now; it never lets anybody in."""

    async def before_login(self, attempt: LoginAttempt) -> LoginDecision | None:
        """Asked before any credential is looked at; None is `Proceed()`."""

    async def after_login(
        self, attempt: LoginAttempt, identity: Identity | None
    ) -> LoginDecision | None:
        """Called with the outcome: an identity, or None for wrong credentials (never for a failure
        of an account source). `Forbid` turns a success into a refusal. After `Proceed` another
        policy may still forbid the login."""


class LoginRecorder(LoginPolicy, Protocol):
    """A policy that stores something when somebody logs in: a grant, a note."""

    async def record_login(self, attempt: LoginAttempt, identity: Identity) -> None:
        """Called when all policies of the listener have allowed the login, before the positive
        reply.

        Raises:
            TemporaryFailure: the login cannot be recorded, and so it is refused for now.
        """
