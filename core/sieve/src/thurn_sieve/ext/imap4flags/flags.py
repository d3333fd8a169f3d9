r"""Lists of flags: texts with several flags each, made into one list without doubles.

Rules of this file:
1. White space parts the flags of a text, and empty texts hold none. RFC 5232 §2.
2. Flags are equal in any case; the first spelling stays, system flags get the standard's own.
3. What may not stand in an IMAP flag list is no flag and is passed over; so is \Recent, which
   nobody sets. RFC 9051 §2.3.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

FLAG_CHARACTERS: Final = 100
"""A longer keyword is none; clients use about ten characters."""
FLAGS: Final = 100
"""Flags of one list; a store takes under 60 keywords of a mailbox, clients use about ten."""
WORDS: Final = 1_000
"""Words of one list that are looked at; what stands behind them is for nobody."""

_SYSTEM: Final = {
    flag.lower(): flag for flag in ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft")
}
# flag-keyword = atom (RFC 9051 §9): no controls, no space, none of ( ) { % * " \ ]
_KEYWORD: Final = re.compile(r"""[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+""")


def parse_flags(texts: Iterable[str]) -> list[str]:
    """The flags of these texts, each once, in order; at most `FLAGS`."""
    found: dict[str, str] = {}
    for word in islice(_words(texts), WORDS):
        flag = normal_flag(word)
        if flag is not None:
            found.setdefault(flag.lower(), flag)
            if len(found) == FLAGS:
                break
    return list(found.values())


def _words(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        # What follows the last word wanted is cut off, not cut up.
        yield from text.split(None, WORDS)[:WORDS]


def normal_flag(word: str) -> str | None:
    """The flag as IMAP writes it, or None for what is none."""
    if word.startswith("\\"):
        return _SYSTEM.get(word.lower())
    if len(word) > FLAG_CHARACTERS or not is_keyword(word):
        return None
    return word


def is_keyword(word: str) -> bool:
    """Whether it is an atom. RFC 9051 §9."""
    return _KEYWORD.fullmatch(word) is not None


def add_flags(flags: Iterable[str], more: Iterable[str]) -> list[str]:
    """Both lists as one. RFC 5232 §3.2."""
    return parse_flags((*flags, *more))


def remove_flags(flags: Iterable[str], fewer: Iterable[str]) -> list[str]:
    """The first list without the second. RFC 5232 §3.3."""
    gone = {flag.lower() for flag in parse_flags(fewer)}
    return [flag for flag in parse_flags(flags) if flag.lower() not in gone]
