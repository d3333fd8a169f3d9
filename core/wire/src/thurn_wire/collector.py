"""Collects a message's octets as they come: bounded, counted, un-stuffed, checked for line ends.

Rules of this file:
1. No line is looked at: octets are collected, then searched, counted and replaced as a whole.
2. Only CRLF is a line end. A message with a lone CR or LF is refused, whichever command brought it
   (DATA, BDAT, LMTP), RFC 5321 §2.3.8; or, where a site says so, each of them becomes a CRLF. That
   happens behind the removal of stuffed dots, so it never makes a dot that is removed, and a line
   of one dot that it makes is content.
3. Beyond the size limit everything collected is dropped, and later octets are only counted.
4. Memory holds at most the limit, or the spill threshold and one received chunk where the caller
   takes what `spills`.

This file knows no command and no end of data.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

CRLF = b"\r\n"
ANY_LINE_END: Final = re.compile(rb"\r\n|\r|\n")
"""A line end of any system."""


class Collected(NamedTuple):
    """A message that has come whole.

    Attributes:
        octets: the content that was not taken by `take_chunks`; None if the message is too large or
            has bare line ends, and must be refused.
        size_octets: the size of the whole content; if it is too large, the octets received.
        too_large: the content is larger than the limit.
        bare_line_ends: the content has a lone CR or LF; not checked if it is too large.
    """

    octets: bytes | None
    size_octets: int
    too_large: bool
    bare_line_ends: bool


class Collector:
    """Takes the octets of one message.

    Args:
        limit_octets: the largest content, counted without stuffed dots. RFC 1870 §5.
        spill_octets: the octets from which `spills` is True; None: it never is.
        normalizes: a lone CR or LF becomes a CRLF instead of a reason to refuse.
    """

    __slots__ = (
        "_bare",
        "_blocks",
        "_context",
        "_held_cr",
        "_limit_octets",
        "_normalizes",
        "_ready_octets",
        "_received_octets",
        "_room_octets",
        "_size_octets",
        "_spill_octets",
        "_too_large",
        "_waiting",
        "stuffed",
    )

    def __init__(
        self, limit_octets: int, spill_octets: int | None = None, *, normalizes: bool = False
    ) -> None:
        self._limit_octets = limit_octets
        self._normalizes = normalizes
        self._held_cr = b""  # a CR at the end of what is normalized: its LF may come
        self._spill_octets = limit_octets + 1 if spill_octets is None else spill_octets
        # The two octets before what waits; the message begins at the beginning of a line.
        self._context = CRLF
        self._waiting = bytearray(CRLF)  # context, then octets as received, not yet settled
        self._blocks: list[bytes] = []
        self._bare = 0  # CR plus LF minus twice CRLF, over all that is settled
        self._size_octets = 0
        self._ready_octets = 0
        self._received_octets = 0
        self._too_large = False
        self._room_octets = min(limit_octets, self._spill_octets)
        self.stuffed = False
        """Whether a line may begin with a stuffed dot; the caller sets it. RFC 5321 §4.5.2."""

    @property
    def spills(self) -> bool:
        """Whether at least the spill threshold can be taken by `take_chunks`."""
        return self._ready_octets >= self._spill_octets

    @property
    def too_large(self) -> bool:
        """Whether the content is over the limit; if so, none of it is kept."""
        return self._too_large

    def add(self, octets: bytes) -> None:
        """Collect octets as they were received."""
        self._received_octets += len(octets)
        if self._too_large:
            return
        self._waiting += octets
        if len(self._waiting) - 2 > self._room_octets:
            self._settle()

    def take_chunks(self) -> bytes:
        """Take what is ready, in order; the result does not have it afterwards."""
        ready = b"".join(self._blocks)
        self._blocks.clear()
        self._ready_octets = 0
        self._measure_room()
        return ready

    @property
    def held_octets(self) -> int:
        """The octets in memory: those that are ready, and those that wait to be settled."""
        return self._ready_octets + len(self._waiting) - 2

    def spill(self) -> bytes:
        """Take what is held; from now on `spills` is True whenever octets have come."""
        self._spill_octets = 1
        if not self._too_large:
            self._settle()
        return self.take_chunks()

    def finish(self) -> Collected:
        """The message is whole: return the rest of it. The collector cannot be used any more."""
        if not self._too_large:
            self._settle(is_end=True)
        if self._too_large:
            return Collected(None, self._received_octets, too_large=True, bare_line_ends=False)
        if self._bare and not self._normalizes:
            return Collected(None, self._size_octets, too_large=False, bare_line_ends=True)
        octets = self._blocks[0] if len(self._blocks) == 1 else b"".join(self._blocks)
        return Collected(octets, self._size_octets, too_large=False, bare_line_ends=False)

    def _settle(self, *, is_end: bool = False) -> None:
        """Turn what waits into content."""
        raw, context = self._waiting, self._context
        # The context was counted with the block before. A CRLF across the seam is whole only here,
        # and corrects the CR that was counted there.
        self._bare += _bare_ends(raw) - (_bare_ends(context) if context != CRLF else 0)
        self._context = bytes(raw[-2:])
        if self.stuffed:
            raw = raw.replace(b"\r\n.", CRLF)  # RFC 5321 §4.5.2: the first dot is removed
        block = bytes(raw[2:])
        self._waiting = bytearray(self._context)
        if self._normalizes:
            block = self._normalize(block, is_end=is_end)
        self._size_octets += len(block)
        if self._size_octets > self._limit_octets:
            self._too_large = True
            self._blocks.clear()
            self._ready_octets = 0
            return
        self._blocks.append(block)
        self._ready_octets += len(block)
        self._measure_room()

    def _normalize(self, block: bytes, *, is_end: bool) -> bytes:
        """The block with CRLF for each lone CR or LF; a CR at its end waits for the next block."""
        block = self._held_cr + block
        self._held_cr = b"\r" if block.endswith(b"\r") and not is_end else b""
        block = block[: len(block) - len(self._held_cr)]
        return ANY_LINE_END.sub(CRLF, block) if _bare_ends(block) else block

    def _measure_room(self) -> None:
        """Compute how much may wait until it must be settled: to spill it, or to see the limit."""
        room = self._limit_octets - self._size_octets
        if self._ready_octets < self._spill_octets:
            room = min(room, self._spill_octets - self._ready_octets)
        self._room_octets = room


def _bare_ends(octets: bytes | bytearray) -> int:
    ends = len(octets) - len(octets.translate(None, CRLF))  # one pass for CR and LF
    return ends - 2 * octets.count(CRLF)


def has_bare_line_ends(octets: bytes) -> bool:
    """Whether the octets have a lone CR or LF. RFC 5321 §2.3.8."""
    return _bare_ends(octets) != 0
