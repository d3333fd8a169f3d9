"""Patterns of LIST and LSUB: `*` matches any text, `%` any text within one level.

Rules of this file: a name is matched in one pass, whatever the pattern is. The places in the
pattern that the match may have reached are the bits of one number, and each character moves them
on. Nothing is tried twice, so `*a*a*a*a*b` costs no more than `*`.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

INBOX: Final = "INBOX"


class Pattern:
    """A pattern, ready to match names. RFC 9051 §6.3.9."""

    __slots__ = ("_any", "_end", "_literals", "_separator", "_within")

    def __init__(self, text: str, separator: str) -> None:
        self._separator = separator
        self._literals: defaultdict[str, int] = defaultdict(int)
        self._any = 0  # places that may swallow any character
        self._within = 0  # places that may swallow any but the separator
        place = 1
        for character in text:
            if character == "*":
                self._any |= place
            elif character == "%":
                self._within |= place
            else:
                self._literals[character] |= place
                place <<= 1
        self._end = place

    def matches(self, name: str) -> bool:
        """Whether the whole name matches; INBOX matches in any case. RFC 9051 §5.1."""
        return bool(self._run(name) & self._end)

    def _run(self, name: str) -> int:
        places = 1
        literals, any_, within = self._literals, self._any, self._within | self._any
        inbox = len(INBOX) if name[: len(INBOX)] == INBOX and self._is_inbox(name) else 0
        for at, character in enumerate(name):
            step = literals.get(character, 0)
            if at < inbox:
                step |= literals.get(character.lower(), 0)
            stay = any_ if character == self._separator else within
            places = (places & step) << 1 | places & stay
            if not places:
                break
        return places

    def _is_inbox(self, name: str) -> bool:
        return name == INBOX or name.startswith(INBOX + self._separator)
