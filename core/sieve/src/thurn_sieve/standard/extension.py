"""RFC 5228 as one extension, and the names of its comparators, which scripts may require."""

from __future__ import annotations

from typing import Final

from thurn_sieve.matching.comparator import COMPARATORS
from thurn_sieve.matching.matchtype import MATCH_TYPES
from thurn_sieve.registry import Extension
from thurn_sieve.standard.action import ACTIONS
from thurn_sieve.standard.condition import ADDRESS_PARTS, TESTS
from thurn_sieve.standard.control import CONTROLS

STANDARD: Final = Extension(
    "rfc5228",
    commands=(*CONTROLS, *ACTIONS, *TESTS),
    comparators=COMPARATORS,
    match_types=MATCH_TYPES,
    address_parts=ADDRESS_PARTS,
    builtin=True,
    hidden=True,
)
# RFC 5228 §2.7.3: a script may require these comparators, but it need not.
COMPARATOR_NAMES: Final = tuple(
    Extension(f"comparator-{comparator.name}", builtin=True, hidden=True)
    for comparator in COMPARATORS
)
