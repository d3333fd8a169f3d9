"""i;ascii-numeric: compares the digits at the start as a number. RFC 4790 §9.1.

A text that does not start with a digit is infinity.
"""

from __future__ import annotations

import re
from typing import Final

from thurn_sieve.registry import Comparator, Extension

_DIGITS: Final = re.compile(r"0*+([0-9]*+)")
_INFINITY: Final = "infinity"


def _normal(text: str) -> str:
    match = _DIGITS.match(text)
    if match is None or not match[0]:
        return _INFINITY
    return match[1] or "0"


def _order(text: str) -> tuple[int, int, str]:
    """A key that sorts like the number, without converting it, so that its size does not matter."""
    number = _normal(text)
    return (1, 0, "") if number is _INFINITY else (0, len(number), number)


EXTENSION: Final = Extension(
    "comparator-i;ascii-numeric",
    comparators=(
        Comparator("i;ascii-numeric", _normal, _order, substring=False, keeps_length=False),
    ),
)
