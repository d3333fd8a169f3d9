r"""Lists of flags: texts with several flags each become one list without repetitions.

Rules of this file:
1. White space separates the flags of a text; an empty text has none. RFC 5232 §2.
2. Flags are equal in any case. The first spelling stays, but system flags get the standard's.
3. Words that cannot be flags of IMAP are ignored, and so is \Recent, which no client can set.
   RFC 9051 §2.3.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

MAX_KEYWORD_CHARACTERS: Final = 100
"""Characters of a keyword; a longer word is ignored. Clients use about ten."""
MAX_FLAGS: Final = 100
"""Flags of one list; later ones are ignored. Clients use about ten, and stores have about 60
keywords for each mailbox."""
MAX_WORDS: Final = 1_000
"""Words of one text, and of one list, that are read; later ones are ignored."""

_SYSTEM: Final = {
    flag.lower(): flag for flag in ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft")
}
# flag-keyword = atom (RFC 9051 §9): no controls, no space, none of ( ) { % * " \ ]
_KEYWORD: Final = re.compile(r"""[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+""")


def parse_flags(texts: Iterable[str]) -> list[str]:
    """The flags of these texts, each once, in order; at most `MAX_FLAGS`."""
    flags: dict[str, str] = {}
    for word in islice(_words(texts), MAX_WORDS):
        flag = normal_flag(word)
        if flag is not None:
            flags.setdefault(flag.lower(), flag)
            if len(flags) == MAX_FLAGS:
                break
    return list(flags.values())


def _words(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        # The text after the last word that is read is not split into words.
        yield from text.split(None, MAX_WORDS)[:MAX_WORDS]


def normal_flag(word: str) -> str | None:
    """The flag as IMAP writes it, or None if the word is not a flag."""
    if word.startswith("\\"):
        return _SYSTEM.get(word.lower())
    if len(word) > MAX_KEYWORD_CHARACTERS or not is_keyword(word):
        return None
    return word


def is_keyword(word: str) -> bool:
    """Whether the word is an atom of IMAP. RFC 9051 §9."""
    return _KEYWORD.fullmatch(word) is not None


def add_flags(flags: Iterable[str], more: Iterable[str]) -> list[str]:
    """The flags of both lists. RFC 5232 §3.2."""
    return parse_flags((*flags, *more))


def remove_flags(flags: Iterable[str], fewer: Iterable[str]) -> list[str]:
    """The flags of the first list that are not in the second. RFC 5232 §3.3."""
    removed = {flag.lower() for flag in parse_flags(fewer)}
    return [flag for flag in parse_flags(flags) if flag.lower() not in removed]
