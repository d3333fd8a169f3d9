"""The match types of RFC 5228 §2.7.1: `:is`, `:contains`, `:matches`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from thurn_sieve.limits import Limits
from thurn_sieve.matching.glob import MOST_STARS, Glob
from thurn_sieve.registry import Comparator, MatchType, Predicate

MOST: Final = Limits().match_values


def _is(comparator: Comparator, key: str, operand: str | None) -> Predicate:
    normalise = comparator.normalise
    wanted = normalise(key)

    def equal(value: str) -> bool:
        return normalise(value) == wanted

    return equal


def _contains(comparator: Comparator, key: str, operand: str | None) -> Predicate:
    normalise = comparator.normalise
    wanted = normalise(key)

    def contain(value: str) -> bool:
        return wanted in normalise(value)

    return contain


def _matches(comparator: Comparator, key: str, operand: str | None) -> Predicate:
    normalise, keeps_length = comparator.normalise, comparator.keeps_length
    glob = Glob(normalise(key))
    if glob.counts_characters:
        return _WithQuestionMarks(comparator, key)

    def fit(value: str) -> bool | Sequence[str]:
        text = normalise(value)
        return glob.captures(text, value if keeps_length else text, MOST) or False

    return fit


class _WithQuestionMarks:
    """A pattern with `?`: exactly one octet for i;octet and i;ascii-casemap. RFC 5228 §2.7.1."""

    __slots__ = ("comparator", "glob")

    weight = 32
    """What a character of the value costs, compared with one that C looks at once."""

    def __init__(self, comparator: Comparator, key: str) -> None:
        self.comparator = comparator
        self.glob = Glob(comparator.normalise(_octets(key) if comparator.octets else key))

    def __call__(self, value: str) -> bool | Sequence[str]:
        octets = self.comparator.octets and not value.isascii()
        shown = _octets(value) if octets else value
        text = self.comparator.normalise(shown)
        found = self.glob.captures(text, shown if self.comparator.keeps_length else text, MOST)
        if found is None or not octets:
            return found or False
        return [piece.encode("latin-1").decode("utf-8", "replace") for piece in found]


def _octets(text: str) -> str:
    """A character for each octet of UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("latin-1")


def _check_pattern(key: str) -> str | None:
    if key.count("*") > MOST_STARS:
        return f'more than {MOST_STARS} "*" in a pattern'
    return None


MATCH_TYPES: Final = (
    MatchType("is", _is),
    MatchType("contains", _contains, substring=True),
    MatchType("matches", _matches, substring=True, captures=True, validate_key=_check_pattern),
)
