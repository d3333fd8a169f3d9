"""The comparators of RFC 5228 §2.7.3: i;octet and i;ascii-casemap. RFC 4790 §9.2, §9.3."""

from __future__ import annotations

from typing import Final

from thurn_sieve.registry import Comparator


def lower_ascii(text: str) -> str:
    """The text with A to Z in lower case and nothing else changed."""
    if text.isascii():
        return text.lower()
    return text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


def upper_ascii(text: str) -> str:
    """The text with a to z in upper case and nothing else changed."""
    if text.isascii():
        return text.upper()
    return text.encode("utf-8", "surrogatepass").upper().decode("utf-8", "surrogatepass")


def _same(text: str) -> str:
    return text


OCTET: Final = Comparator("i;octet", _same, octets=True)
"""Compares characters, whose order is the same as that of their UTF-8 octets. RFC 4790 §9.3."""
ASCII_CASEMAP: Final = Comparator("i;ascii-casemap", lower_ascii, order=upper_ascii, octets=True)
"""Compares without the case of A to Z. The order is that of the upper case, which makes a
difference for characters like "_". RFC 4790 §9.2.1."""
COMPARATORS: Final = (OCTET, ASCII_CASEMAP)
"""The comparators that need no `require`."""
