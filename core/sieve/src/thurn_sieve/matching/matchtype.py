"""The match types of RFC 5228 §2.7.1: `:is`, `:contains`, `:matches`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from thurn_sieve.limits import MATCH_VALUES
from thurn_sieve.matching.glob import MAX_STARS, TOO_MANY_STARS, Glob
from thurn_sieve.registry import Comparator, MatchType, Predicate


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
        return glob.captures(text, value if keeps_length else text, MATCH_VALUES) or False

    return fit


class _WithQuestionMarks:
    """A pattern with `?`, which is one octet for i;octet and i;ascii-casemap. RFC 5228 §2.7.1."""

    __slots__ = ("comparator", "glob")

    weight = 32
    """How many times longer a character of the value takes than a character that C compares."""

    def __init__(self, comparator: Comparator, key: str) -> None:
        self.comparator = comparator
        self.glob = Glob(comparator.normalise(_octets(key) if comparator.octets else key))

    def __call__(self, value: str) -> bool | Sequence[str]:
        octets = self.comparator.octets and not value.isascii()
        shown = _octets(value) if octets else value
        text = self.comparator.normalise(shown)
        captured = shown if self.comparator.keeps_length else text
        values = self.glob.captures(text, captured, MATCH_VALUES)
        if values is None or not octets:
            return values or False
        return [value.encode("latin-1").decode("utf-8", "replace") for value in values]


def _octets(text: str) -> str:
    """The text's octets in UTF-8, as one character each."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("latin-1")


def _check_pattern(key: str) -> str | None:
    return TOO_MANY_STARS if key.count("*") > MAX_STARS else None


MATCH_TYPES: Final = (
    MatchType("is", _is),
    MatchType("contains", _contains, substring=True),
    MatchType("matches", _matches, substring=True, captures=True, validate_key=_check_pattern),
)
