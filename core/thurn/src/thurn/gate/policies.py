"""The stages of a login: typed loops over login policies.

Rules of this file: only `Forbid`, or a policy that cannot answer, ends a stage. Delays are added
up, and the answer waits for their sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import trio

from thurn.chain.rule import Stage
from thurn.chain.runner import Chain
from thurn.contracts.gate import Refused
from thurn.contracts.login import Forbid, LoginAttempt, LoginPolicy, LoginRecorder, Proceed
from thurn.types.decision import Continue, Tempfail
from thurn.types.identity import Identity
from thurn.types.status import BAD_CREDENTIALS, LOGIN_TROUBLE

LOGIN_SECONDS: Final = 30.0
"""Most seconds for all policies at one stage of a login."""

BEFORE: Final[Stage[LoginPolicy]] = Stage("login", "before_login", (Proceed, Forbid), LOGIN_SECONDS)
AFTER: Final[Stage[LoginPolicy]] = Stage("login", "after_login", (Proceed, Forbid), LOGIN_SECONDS)
RECORD: Final[Stage[LoginRecorder]] = Stage("login", "record_login", (), LOGIN_SECONDS)


async def ask_before(chain: Chain[LoginPolicy], attempt: LoginAttempt) -> Refused | None:
    """Ask the policies before a credential is looked at."""
    hearing = _Hearing()
    run = chain.begin(attempt.session.id, None)
    for rule in run.rules:
        if hearing.ends_with(await run.ask(rule, rule.product.before_login, attempt)):
            break
    return await hearing.conclude()


async def ask_after(
    chain: Chain[LoginPolicy], attempt: LoginAttempt, identity: Identity | None
) -> Refused | None:
    """Pass the verdict to the policies; they may still forbid the login."""
    hearing = _Hearing()
    run = chain.begin(attempt.session.id, None)
    for rule in run.rules:
        if hearing.ends_with(await run.ask(rule, rule.product.after_login, attempt, identity)):
            break
    return await hearing.conclude()


async def ask_record(
    chain: Chain[LoginRecorder], attempt: LoginAttempt, identity: Identity
) -> Refused | None:
    """Have the policies record a login that all of them have allowed."""
    hearing = _Hearing()
    run = chain.begin(attempt.session.id, None)
    for rule in run.rules:
        if hearing.ends_with(await run.ask(rule, _record, rule.product, attempt, identity)):
            break
    return await hearing.conclude()


async def _record(
    product: LoginRecorder, attempt: LoginAttempt, identity: Identity
) -> Proceed | None:
    await product.record_login(attempt, identity)
    return None


@dataclass(slots=True)
class _Hearing:
    """What the policies of one stage have said."""

    delay_seconds: float = 0.0
    refusal: Refused | None = None

    def ends_with(self, answer: Proceed | Forbid | Continue | Tempfail | None) -> bool:
        """Take an answer; True if no other policy is asked."""
        match answer:
            case Proceed(delay_seconds):
                self.delay_seconds += max(0.0, delay_seconds)
            case Forbid(temporary=temporary):
                status = LOGIN_TROUBLE if temporary else BAD_CREDENTIALS
                self.refusal = Refused(status, answer.reason)
            case Tempfail():
                self.refusal = Refused(LOGIN_TROUBLE, answer.reason)
            case Continue() | None:
                pass
        return self.refusal is not None

    async def conclude(self) -> Refused | None:
        """The stage's answer, after the delays."""
        if self.delay_seconds > 0:
            await trio.sleep(self.delay_seconds)
        return self.refusal
