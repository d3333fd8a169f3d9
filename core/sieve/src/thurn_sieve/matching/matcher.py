"""The matcher of a call: match type, comparator, and keys, prepared once if they are constant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from thurn_sieve.errors import RunError
from thurn_sieve.registry import Comparator, MatchType, Predicate

COMPARED_SHIFT: Final = 9
"""512 characters compared are a step."""
PATTERN_SHIFT: Final = 3
"""Eight characters of a pattern are."""


class Budget(Protocol):
    """What the matcher needs of the run; `runtime.Runtime` is one."""

    steps: int
    match_values: Sequence[str]


class Matcher:
    """Compares values with keys.

    Attributes:
        match_type: how.
        comparator: in which collation.
        operand: of `:value` and `:count`.
    """

    __slots__ = ("_keys", "_prepared", "_weight", "comparator", "match_type", "operand")

    def __init__(self, match_type: MatchType, comparator: Comparator, operand: str | None) -> None:
        self.match_type = match_type
        self.comparator = comparator
        self.operand = operand
        self._keys: Sequence[str] | None = None
        self._prepared: list[Predicate] = []
        self._weight = 1

    @property
    def counts(self) -> bool:
        """Whether it compares how many values there are, not the values."""
        return self.match_type.aggregate is not None

    def prepare(self, keys: Sequence[str]) -> None:
        """Prepare keys that are constant; `test` knows them by identity."""
        self._prepared = self._predicates(keys)
        self._weight = _weight(self._prepared)
        self._keys = keys

    def test(self, rt: Budget, values: Sequence[str], keys: Sequence[str]) -> bool:
        """Whether any value matches any key; a match sets the match values.

        A test returns what this returns: for match types that wait it is an awaitable.

        RFC 5228 §2.7.
        """
        match_type = self.match_type
        if match_type.aggregate is not None:
            values = match_type.aggregate(values)
        if keys is self._keys:
            predicates, weight = self._prepared, self._weight
        else:
            self._charge(rt, keys)
            predicates = self._predicates(keys)
            weight = _weight(predicates)
        if match_type.waits:
            return self._wait(rt, values, predicates)  # type: ignore[return-value]
        steps = rt.steps
        for value in values:
            cost = 1 + (len(value) * weight >> COMPARED_SHIFT)
            for predicate in predicates:
                found = predicate(value)
                steps -= cost
                if found:
                    if found is not True:
                        rt.match_values = found
                    rt.steps = steps
                    return True
            if steps < 0:
                raise RunError("the script takes too much time", "too-many-steps")
        rt.steps = steps
        return False

    async def _wait(
        self, rt: Budget, values: Sequence[str], predicates: Sequence[Predicate]
    ) -> bool:
        for value in values:
            for predicate in predicates:
                rt.steps -= 1
                if rt.steps < 0:
                    raise RunError("the script takes too much time", "too-many-steps")
                found = await predicate(value)  # type: ignore[misc]
                if found:
                    if found is not True:
                        rt.match_values = found
                    return True
        return False

    def _charge(self, rt: Budget, keys: Sequence[str]) -> None:
        """Count keys made at run time before anything is made of them."""
        # A pattern is read character by character, any other key in C.
        each = PATTERN_SHIFT if self.match_type.captures else COMPARED_SHIFT
        for key in keys:
            rt.steps -= 1 + (len(key) >> each)
        if rt.steps < 0:
            raise RunError("the script takes too much time", "too-many-steps")

    def _predicates(self, keys: Sequence[str]) -> list[Predicate]:
        prepare, comparator, operand = self.match_type.prepare, self.comparator, self.operand
        return [prepare(comparator, key, operand) for key in keys]


def _weight(predicates: Sequence[Predicate]) -> int:
    """What a character costs at most; a predicate that is slower than C has a `weight`."""
    return max((getattr(predicate, "weight", 1) for predicate in predicates), default=1)
