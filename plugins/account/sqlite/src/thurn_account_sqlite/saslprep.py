"""Prepares passwords (SASLprep), so that one typed on another keyboard is the same password.

RFC 4013, RFC 3454. The tables are Unicode 3.2's, as the standard has it.
"""

from __future__ import annotations

import stringprep
from typing import Final
from unicodedata import ucd_3_2_0

_PROHIBITED: Final = (
    stringprep.in_table_c12, stringprep.in_table_c21_c22, stringprep.in_table_c3,
    stringprep.in_table_c4, stringprep.in_table_c5, stringprep.in_table_c6,
    stringprep.in_table_c7, stringprep.in_table_c8, stringprep.in_table_c9,
    stringprep.in_table_a1,
)  # fmt: skip
"""RFC 4013 §2.3, and unassigned code points: prepared are only strings that are stored, or are
compared with one that was (§2.5)."""


def prepare(text: str) -> str | None:
    """The prepared form; None where there is none (prohibited or unassigned characters).

    RFC 4013 §2.
    """
    if text.isascii():
        return text if text.isprintable() and text else None
    # RFC 4013 §2.1: non-ASCII spaces become SPACE, what is commonly mapped to nothing goes.
    mapped = "".join(
        " " if stringprep.in_table_c12(c) else c for c in text if not stringprep.in_table_b1(c)
    )
    normal = ucd_3_2_0.normalize("NFKC", mapped)  # §2.2
    if not normal or any(table(c) for c in normal for table in _PROHIBITED):
        return None
    return normal if _is_bidirectional(normal) else None


def _is_bidirectional(text: str) -> bool:
    """Whether right-to-left text stands alone and at both ends. RFC 4013 §2.4, RFC 3454 §6."""
    if not any(stringprep.in_table_d1(c) for c in text):
        return True
    if any(stringprep.in_table_d2(c) for c in text):
        return False
    return stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
