"""Some messages of a mailbox, as a FETCH answers them together."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from thurn.plugin import MessageSummary, View

from thurn_listener_imap.mailbox.flags import FlagTable


@dataclass(slots=True)
class Batch:
    """Messages of one mailbox.

    Attributes:
        view: what the client has been told.
        low, high: the first position, and the position behind the last.
        flags: the names of flags.
        seen: positions that become Seen by this FETCH, with the MODSEQ of that change.
        summaries: one for each message, only where an item needs them; messages that are gone are
            left out of the batch.
        positions: of the messages, if some between `low` and `high` were left out; else None.
        headers: whole headers by UID, where the cached ones are not enough.
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
        """The values that a column of the view has for these messages."""
        if self.positions is None:
            return column[self.low : self.high]
        return [column[at] for at in self.positions]

    @property
    def places(self) -> Sequence[int]:
        """The positions of the messages."""
        return range(self.low, self.high) if self.positions is None else self.positions
