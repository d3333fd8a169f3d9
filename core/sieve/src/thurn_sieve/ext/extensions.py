"""All extensions of this distribution; `shipped()` is the registry of them."""

from __future__ import annotations

from typing import Final

from thurn_sieve.registry import Extension, Registry
from thurn_sieve.standard.extension import BUILTIN_NAMES, STANDARD

EXTENSIONS: Final[tuple[Extension, ...]] = ()


def shipped() -> Registry:
    """A new registry of RFC 5228 and all extensions here, to be added to."""
    return Registry((STANDARD, *BUILTIN_NAMES, *EXTENSIONS))
