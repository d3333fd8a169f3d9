"""`:value` compares the order of values, `:count` the number of values. RFC 5231 §4."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, Final

from thurn_sieve.registry import Comparator, Extension, MatchType, Predicate

RELATIONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
    "eq": operator.eq,
    "ne": operator.ne,
}


def _value(comparator: Comparator, key: str, operand: str | None) -> Predicate:
    order = comparator.order or comparator.normalise
    holds = RELATIONS[operand or "eq"]
    right = order(key)

    def compare(value: str) -> bool:
        # RFC 5231 §4.1: the value from the message is the left side.
        return holds(order(value), right)

    return compare


def _count(values: Sequence[str]) -> Sequence[str]:
    return (str(len(values)),)


EXTENSION: Final = Extension(
    "relational",
    match_types=(
        MatchType("value", _value, operand=True, operands=frozenset(RELATIONS)),
        MatchType("count", _value, operand=True, operands=frozenset(RELATIONS), aggregate=_count),
    ),
)
