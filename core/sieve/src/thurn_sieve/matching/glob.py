"""`:matches`: `*` and `?` against text of any size, in linear time. RFC 5228 §2.7.1.

Rules of this file:
1. A pattern is cut at its stars into segments. The first and the last stand at the ends, each one
   between is sought once from where the one before ended; nothing is ever tried again.
2. The leftmost place for each segment is the shortest match of each star, as RFC 5229 §3.2 wants
   for match values.
3. A segment with `?` is sought by a flat pattern if it is short, else by a set of states in one
   integer: a step for each character, whatever the text is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from thurn_sieve.errors import RunError

ANY: Final = "?"
SHORT: Final = 64
"""Characters of a segment with `?` for which a flat pattern is quicker than the states: at worst
each character of the text is compared 64 times."""
MOST_STARS: Final = 1_000
"""Stars of a pattern: what is kept for each is a hundred times what it takes in the script. People
write three."""
MOST_WILD: Final = 16_384
"""Characters of a segment with `?`; the states of longer ones would take seconds to make."""

_PIECE: Final = re.compile(r"\\(.)|([*?])|([^\\*?]++)|(\\)", re.DOTALL)


class Segment:
    """What stands between two stars.

    Attributes:
        literal: the characters, `?` for "any" where `wild` says so.
        wild: positions of the wildcards.
        size: characters.
    """

    __slots__ = ("_search", "literal", "size", "wild")

    def __init__(self, characters: list[str], wild: list[int]) -> None:
        self.literal = "".join(characters)
        self.wild = wild
        self.size = len(self.literal)
        self._search: Callable[[str, int], int] | None = None

    def at(self, text: str, start: int) -> bool:
        """Whether it stands there."""
        if not self.wild:
            return text.startswith(self.literal, start)
        if start + self.size > len(text):
            return False
        position = 0
        for gap in self.wild:
            if not text.startswith(self.literal[position:gap], start + position):
                return False
            position = gap + 1
        return text.startswith(self.literal[position:], start + position)

    def find(self, text: str, start: int) -> int:
        """The first place from `start` on where it stands, or -1."""
        if not self.wild:
            return text.find(self.literal, start)
        if self._search is None:
            self._search = self._flat() if self.size <= SHORT else self._states()
        return self._search(text, start)

    def _flat(self) -> Callable[[str, int], int]:
        wild = set(self.wild)
        parts = [
            "." if position in wild else re.escape(character)
            for position, character in enumerate(self.literal)
        ]
        search = re.compile("".join(parts), re.DOTALL).search

        def find(text: str, start: int) -> int:
            match = search(text, start)
            return -1 if match is None else match.start()

        return find

    def _states(self) -> Callable[[str, int], int]:
        """Shift-and: bit n of the state says that the last n+1 characters are the first n+1."""
        if self.size > MOST_WILD:
            raise RunError(f'more than {MOST_WILD} characters with "?"', "too-large")
        everywhere = 0
        masks: dict[str, int] = {}
        wild = set(self.wild)
        for position, character in enumerate(self.literal):
            if position in wild:
                everywhere |= 1 << position
            else:
                masks[character] = masks.get(character, 0) | 1 << position
        masks = {character: mask | everywhere for character, mask in masks.items()}
        size, full = self.size, 1 << (self.size - 1)

        def find(text: str, start: int) -> int:
            state = 0
            for position in range(start, len(text)):
                state = (state << 1 | 1) & masks.get(text[position], everywhere)
                if state & full:
                    return position - size + 1
            return -1

        return find


class Glob:
    """A pattern, ready to be used many times.

    Attributes:
        segments: one more than there are stars.
        least: characters that a text must have.
    """

    __slots__ = ("least", "segments")

    def __init__(self, pattern: str) -> None:
        self.segments: list[Segment] = []
        characters: list[str] = []
        wild: list[int] = []
        for match in _PIECE.finditer(pattern):
            escaped, wildcard, plain, backslash = match.groups()
            if wildcard == "*":
                if len(self.segments) == MOST_STARS:
                    raise RunError(f'more than {MOST_STARS} "*" in a pattern', "too-large")
                self.segments.append(Segment(characters, wild))
                characters, wild = [], []
            elif wildcard == ANY:
                wild.append(len(characters))
                characters.append(ANY)
            else:
                # RFC 5228 §2.7.1: a backslash takes a wildcard's meaning away.
                characters.extend(escaped or plain or backslash)
        self.segments.append(Segment(characters, wild))
        self.least = sum(segment.size for segment in self.segments)

    @property
    def counts_characters(self) -> bool:
        """Whether it has a `?`."""
        return any(segment.wild for segment in self.segments)

    def places(self, text: str) -> list[int] | None:
        """Where each segment stands, or None if the pattern does not fit the whole text."""
        segments = self.segments
        first, last = segments[0], segments[-1]
        if len(text) < self.least or not first.at(text, 0):
            return None
        if len(segments) == 1:
            return [0] if len(text) == first.size else None
        end = len(text) - last.size
        if not last.at(text, end):
            return None
        places, position = [0], first.size
        for segment in segments[1:-1]:
            position = segment.find(text, position)
            if position < 0:
                return None
            places.append(position)
            position += segment.size
            if position > end:
                return None
        places.append(end)
        return places

    def fits(self, text: str) -> bool:
        """Whether the pattern fits the whole text."""
        return self.places(text) is not None

    def captures(self, text: str, shown: str, most: int) -> list[str] | None:
        """The match values: the whole, then what each wildcard took; None if it does not fit.

        Args:
            text: what is compared.
            shown: the same before the comparator changed it, as long as `text`.
            most: values wanted besides the whole.
        """
        places = self.places(text)
        if places is None:
            return None
        values = [shown]
        after = 0
        for number, (segment, place) in enumerate(zip(self.segments, places, strict=True)):
            if number:
                values.append(shown[after:place])
            values += [shown[place + gap] for gap in segment.wild]
            after = place + segment.size
            if len(values) > most:
                break
        return values[: most + 1]
