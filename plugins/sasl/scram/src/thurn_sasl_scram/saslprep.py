"""SASLprep: one form for names and passwords that look alike.

Rules of this file: Unicode 3.2, as the profile says; code points that it does not assign are let
through, since what is prepared here are queries. RFC 4013, RFC 3454 §7.
"""

from __future__ import annotations

import stringprep
from typing import Final
from unicodedata import ucd_3_2_0

_PROHIBITED: Final = (
    stringprep.in_table_c12,  # spaces beyond ASCII
    stringprep.in_table_c21_c22,  # controls
    stringprep.in_table_c3,  # private use
    stringprep.in_table_c4,  # no characters
    stringprep.in_table_c5,  # surrogates
    stringprep.in_table_c6,  # inappropriate for plain text
    stringprep.in_table_c7,  # inappropriate for canonical representation
    stringprep.in_table_c8,  # changing display
    stringprep.in_table_c9,  # tagging
)


def saslprep(text: str) -> str:
    """The prepared form of a name or password.

    Raises:
        ValueError: a prohibited character, or directions mixed.

    RFC 4013 §2.
    """
    if text.isascii() and text.isprintable():
        return text
    mapped = "".join(
        " " if stringprep.in_table_c12(character) else character
        for character in text
        if not stringprep.in_table_b1(character)
    )
    prepared = ucd_3_2_0.normalize("NFKC", mapped)
    if any(table(character) for character in prepared for table in _PROHIBITED):
        raise ValueError("prohibited character")
    _check_directions(prepared)
    return prepared


def _check_directions(text: str) -> None:
    """RFC 3454 §6."""
    if not any(stringprep.in_table_d1(character) for character in text):
        return
    mixed = any(stringprep.in_table_d2(character) for character in text)
    ends = stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    if mixed or not ends:
        raise ValueError("directions are mixed")
