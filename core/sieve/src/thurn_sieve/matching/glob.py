"""`:matches`: patterns with `*` and `?`, compared in time linear in the text. RFC 5228 §2.7.1.

Rules of this file:
1. A pattern is cut at its stars into segments. The first and the last segment must be at the ends
   of the text. Each segment between them is searched for from the end of the one before; nothing
   is tried twice.
2. Each segment takes the leftmost place, so that each star matches as little as possible, as RFC
   5229 §3.2 asks for match values.
3. A segment with `?` is searched for by a regular expression if it is short, otherwise by a set of
   states in one integer, which takes one step for each character of the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from thurn_sieve.errors import RunError

ANY: Final = "?"
REGEX_CHARACTERS: Final = 64
"""Characters of a segment with `?` that is searched for by a regular expression; that is faster
than the states, although it compares each character of the text up to 64 times."""
MAX_STARS: Final = 1_000
"""Stars of one pattern; the memory for each is a hundred times that of the star itself. People
write about three."""
MAX_WILD_CHARACTERS: Final = 16_384
"""Characters of one segment with `?`; the states of a longer one would take seconds to make."""

TOO_MANY_STARS: Final = f'a pattern has more than {MAX_STARS} "*"'

_PIECE: Final = re.compile(r"\\(.)|([*?])|([^\\*?]++)|(\\)", re.DOTALL)


class Segment:
    """The characters between two stars of a pattern.

    Attributes:
        literal: the characters; a `?` at a position in `wild` stands for any character.
        wild: the positions of the wildcards `?`.
        size: the number of characters.
    """

    __slots__ = ("_search", "literal", "size", "wild")

    def __init__(self, characters: list[str], wild: list[int]) -> None:
        self.literal = "".join(characters)
        self.wild = wild
        self.size = len(self.literal)
        self._search: Callable[[str, int], int] | None = None

    def at(self, text: str, start: int) -> bool:
        """Whether the text has the segment at this offset."""
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
        """The first offset from `start` on where the text has the segment, or -1."""
        if not self.wild:
            return text.find(self.literal, start)
        if self._search is None:
            short = self.size <= REGEX_CHARACTERS
            self._search = self._by_regex() if short else self._by_states()
        return self._search(text, start)

    def _by_regex(self) -> Callable[[str, int], int]:
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

    def _by_states(self) -> Callable[[str, int], int]:
        """A search by the algorithm "shift-and".

        Bit n of the state says that the last n+1 characters of the text are the first n+1
        characters of the segment.
        """
        if self.size > MAX_WILD_CHARACTERS:
            message = f'a pattern has more than {MAX_WILD_CHARACTERS} characters around a "?"'
            raise RunError(message, "too-large")
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
    """A pattern that is ready to be compared many times.

    Attributes:
        segments: the segments between its stars, one more than there are stars.
        shortest: characters of the shortest text that the pattern can match.
    """

    __slots__ = ("segments", "shortest")

    def __init__(self, pattern: str) -> None:
        self.segments: list[Segment] = []
        characters: list[str] = []
        wild: list[int] = []
        for match in _PIECE.finditer(pattern):
            escaped, wildcard, plain, backslash = match.groups()
            if wildcard == "*":
                if len(self.segments) == MAX_STARS:
                    raise RunError(TOO_MANY_STARS, "too-large")
                self.segments.append(Segment(characters, wild))
                characters, wild = [], []
            elif wildcard == ANY:
                wild.append(len(characters))
                characters.append(ANY)
            else:
                # RFC 5228 §2.7.1: after a backslash a wildcard stands for itself.
                characters.extend(escaped or plain or backslash)
        self.segments.append(Segment(characters, wild))
        self.shortest = sum(segment.size for segment in self.segments)

    @property
    def counts_characters(self) -> bool:
        """Whether it has a `?`."""
        return any(segment.wild for segment in self.segments)

    def places(self, text: str) -> list[int] | None:
        """The offset of each segment, or None if the pattern does not match the whole text."""
        segments = self.segments
        first, last = segments[0], segments[-1]
        if len(text) < self.shortest or not first.at(text, 0):
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
        """Whether the pattern matches the whole text."""
        return self.places(text) is not None

    def captures(self, text: str, shown: str, highest: int) -> list[str] | None:
        """The match values: the whole text, then the part that each wildcard matched.

        None: the pattern does not match.

        Args:
            text: the text in the comparator's normal form.
            shown: the text that the values are taken from, as long as `text`.
            highest: the number of the last value that is wanted; the whole text has number 0.
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
            if len(values) > highest:
                break
        return values[: highest + 1]
