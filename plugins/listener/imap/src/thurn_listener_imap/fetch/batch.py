"""Some messages that stand beside each other, as a FETCH answers them together."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from thurn.plugin import MessageSummary, View

from thurn_listener_imap.mailbox.flags import FlagTable


@dataclass(slots=True)
class Batch:
    """Messages of one mailbox: columns are asked by slices, summaries by index.

    Attributes:
        view: what the client has been told.
        low, high: positions from the first up to, but not with, the second.
        flags: the names of flags.
        seen: positions that become Seen by this FETCH, with the MODSEQ of that.
        summaries: index-parallel; only where an item needs them, and then never None: messages
            that have gone are left out (`positions`).
        positions: of the messages, when some were left out; else None.
        headers: whole headers by UID, where the cached ones do not do.
    """

    view: View
    low: int
    high: int
    flags: FlagTable
    seen: dict[int, int] = field(default_factory=dict)
    summaries: Sequence[MessageSummary] = ()
    positions: list[int] | None = None
    headers: dict[int, bytes] = field(default_factory=dict)

    def column(self, column: array[int]) -> Sequence[int]:
        """The values of a column of the view."""
        if self.positions is None:
            return column[self.low : self.high]
        return [column[at] for at in self.positions]

    @property
    def places(self) -> Sequence[int]:
        """The positions of the messages."""
        return range(self.low, self.high) if self.positions is None else self.positions
