"""What a chain consists of: a stage, and a rule for each instance that is asked at it.

Rules of this file: it knows no role and no contract. The module that owns a stage declares it,
beside the typed loop that asks its rules.
"""

from __future__ import annotations

import dis
from dataclasses import dataclass, field
from functools import cache
from inspect import CO_COROUTINE
from types import CodeType
from typing import Generic, Protocol, TypeVar

from thurn.chain.calls import Callee

Product = TypeVar("Product")


class Answer(Protocol):
    """What the journal needs of a rule's answer."""

    @property
    def reason(self) -> str:
        """A stable dotted word, or ""."""

    @property
    def detail(self) -> str:
        """Free text for the site."""


@dataclass(frozen=True, slots=True)
class Stage(Generic[Product]):
    """A point of a message's or session's life at which rules are asked.

    Attributes:
        name: the stage's name in the journal.
        method: the method of the contract `Product` that is called; an instance without it is not
            in the chain.
        allowed: the types that an answer may have besides None.
        deadline_seconds: most seconds for one run of the chain.
    """

    name: str
    method: str
    allowed: tuple[type[object], ...]
    deadline_seconds: float


@dataclass(slots=True, eq=False)
class Rule(Generic[Product]):
    """One instance in a chain.

    Attributes:
        instance: the instance's full name, such as "policy.sender".
        product: what the instance has opened.
        source: file:line of the code and of the configuration.
        continue_on_error: whether a failure counts as no opinion.
        deadline_seconds: most seconds for one call; None: the stage's own bound.
        callee: how the instance is called; the chain sets it.
    """

    instance: str
    product: Product
    source: str = ""
    continue_on_error: bool = False
    deadline_seconds: float | None = None
    callee: Callee = field(init=False)


def may_wait(function: object) -> bool:
    """Whether an async function can be suspended: False if its code awaits nothing at all.

    Such a function can miss a deadline only by blocking the event loop, and then no deadline helps;
    a scope around it would take longer than most rules do.
    """
    code = getattr(function, "__code__", None)
    return not isinstance(code, CodeType) or _may_wait(code)


@cache
def _may_wait(code: CodeType) -> bool:
    if not code.co_flags & CO_COROUTINE:
        return True
    return any(instruction.opname == "SEND" for instruction in dis.get_instructions(code))
