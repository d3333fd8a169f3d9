"""The matcher of a call: its match type, its comparator, and its keys if they are constant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from thurn_sieve.errors import RunError
from thurn_sieve.registry import Comparator, MatchType, Predicate

COMPARED_CHARACTERS_SHIFT: Final = 9
"""Binary logarithm of the characters compared for one step: 512, which C compares in about the
time of a step."""
PATTERN_CHARACTERS_SHIFT: Final = 3
"""Binary logarithm of the characters of a pattern that are read for one step: 8, since patterns
are read in Python, character by character."""


class Budget(Protocol):
    """The attributes of a run that the matcher needs; `runtime.Runtime` has them."""

    steps: int
    match_values: Sequence[str]


class Matcher:
    """Compares values with keys.

    Attributes:
        match_type: the match type.
        comparator: the comparator.
        operand: the string after the match type (`:value "ge"`), or None.
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
        """Whether it compares the number of values, not the values themselves."""
        return self.match_type.aggregate is not None

    def prepare(self, keys: Sequence[str]) -> None:
        """Prepare the constant keys of the call; `test` recognises them by identity."""
        self._prepared = self._predicates(keys)
        self._weight = _weight(self._prepared)
        self._keys = keys

    def test(self, rt: Budget, values: Sequence[str], keys: Sequence[str]) -> bool:
        """Whether any value matches any key; a match may set the match values.

        For a match type that waits this is an awaitable, which the `run` of a test may return.

        Raises:
            RunError: the run has no steps left.

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
            cost = 1 + (len(value) * weight >> COMPARED_CHARACTERS_SHIFT)
            for predicate in predicates:
                matched = predicate(value)
                steps -= cost
                if matched:
                    if matched is not True:
                        rt.match_values = matched
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
                matched = await predicate(value)  # type: ignore[misc]
                if matched:
                    if matched is not True:
                        rt.match_values = matched
                    return True
        return False

    def _charge(self, rt: Budget, keys: Sequence[str]) -> None:
        """Take steps for keys that were made at run time, before they are prepared."""
        # A pattern is read character by character in Python, any other key in C.
        is_pattern = self.match_type.captures
        shift = PATTERN_CHARACTERS_SHIFT if is_pattern else COMPARED_CHARACTERS_SHIFT
        for key in keys:
            rt.steps -= 1 + (len(key) >> shift)
        if rt.steps < 0:
            raise RunError("the script takes too much time", "too-many-steps")

    def _predicates(self, keys: Sequence[str]) -> list[Predicate]:
        prepare, comparator, operand = self.match_type.prepare, self.comparator, self.operand
        return [prepare(comparator, key, operand) for key in keys]


def _weight(predicates: Sequence[Predicate]) -> int:
    """The largest `weight` of the predicates; one without a weight is as fast as C."""
    return max((getattr(predicate, "weight", 1) for predicate in predicates), default=1)
