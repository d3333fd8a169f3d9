"""Login policies as rules of a chain: only `Forbid` ends it, delays add up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from thurn.contracts.login import Forbid, LoginPolicy, Proceed
from thurn.types.decision import Continue

Call = Callable[[Any, Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Forbidden:
    """A decisive answer."""

    decision: Forbid
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Delayed(Continue):
    """No objection, but wait."""

    delay_seconds: float = 0.0


def before_call(product: LoginPolicy) -> Call:
    """The rule that is asked before a credential is looked at."""

    async def call(attempt: Any, _: Any) -> Any:  # noqa: ANN401 - the chain's form
        return _rate(await product.before_login(attempt))

    return call


def after_call(product: LoginPolicy) -> Call:
    """The rule that is told the verdict."""

    async def call(attempt: Any, identity: Any) -> Any:  # noqa: ANN401
        return _rate(await product.after_login(attempt, identity))

    return call


def _rate(decision: Any) -> Any:  # noqa: ANN401 - what is nonsense goes on to the runner
    match decision:
        case Forbid():
            return Forbidden(decision, decision.reason)
        case Proceed(delay_seconds) if delay_seconds > 0:
            return Delayed("login.delay", delay_seconds=delay_seconds)
        case Proceed():
            return None
        case _:
            return decision
