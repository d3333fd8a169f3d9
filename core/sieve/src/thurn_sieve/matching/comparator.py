"""The comparators of RFC 5228 §2.7.3: i;octet and i;ascii-casemap. RFC 4790 §9.2, §9.3."""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase
from typing import Final

from thurn_sieve.registry import Comparator

_LOWER: Final = str.maketrans(ascii_uppercase, ascii_lowercase)
_UPPER: Final = str.maketrans(ascii_lowercase, ascii_uppercase)


def lower_ascii(text: str) -> str:
    """The text with A to Z in lower case and nothing else changed."""
    return text.lower() if text.isascii() else text.translate(_LOWER)


def _same(text: str) -> str:
    return text


def upper_ascii(text: str) -> str:
    """The text with a to z in upper case and nothing else changed."""
    return text.upper() if text.isascii() else text.translate(_UPPER)


OCTET: Final = Comparator("i;octet", _same, octets=True)
"""Code points have the order of their UTF-8 octets."""
ASCII_CASEMAP: Final = Comparator("i;ascii-casemap", lower_ascii, order=upper_ascii, octets=True)
"""RFC 4790 §9.2.1: the order is that of upper case, which matters for characters like "_"."""
COMPARATORS: Final = (OCTET, ASCII_CASEMAP)
