"""What every engine keeps of its dialogue, whichever protocol and side it is.

Rules of this file:
1. The state changes only by `move` and `close`, octets go out only by `write`.
2. While `awaiting` holds a step, the last event waits for its answer and nothing more is read.

This file knows no protocol.
"""

from __future__ import annotations

from typing import Generic

from thurn_wire.event import NEED_DATA, Closed, Pause, Reason
from thurn_wire.table import S, T, Table


class Dialogue(Generic[S, T]):
    """State, awaited answer, output and end of one dialogue.

    Args:
        table: the transition table of this side.

    Attributes:
        state: where the dialogue is.
        awaiting: the step that a positive answer to the last event makes; None if no event waits.
        has_ended: the peer has ended its stream.
        output_octets: the octets that `take_output` would return, counted.
    """

    __slots__ = (
        "_output",
        "_reason",
        "_rows",
        "_table",
        "awaiting",
        "has_ended",
        "output_octets",
        "state",
    )

    def __init__(self, table: Table[S, T]) -> None:
        self._table = table
        self._rows = table.rows
        self._output: list[bytes] = []
        self._reason: Reason | None = None
        self.state = table.first
        self.awaiting: T | None = None
        self.has_ended = False
        self.output_octets = 0

    @property
    def is_closed(self) -> bool:
        """Whether the dialogue is over."""
        return self.state is self._table.last

    def allows(self, step: T) -> bool:
        """Whether the table allows this step now."""
        return self._rows[self.state][step] is not None

    def move(self, step: T) -> None:
        """Follow the table.

        Raises:
            LocalProtocolError: the step is not possible in this state.
        """
        target = self._rows[self.state][step]
        self.state = self._table.follow(self.state, step) if target is None else target

    def write(self, octets: bytes) -> None:
        """Add octets to the output."""
        self._output.append(octets)
        self.output_octets += len(octets)

    def take_output(self) -> bytes:
        """Everything written since the last call, in order."""
        octets = b"".join(self._output)
        self._output.clear()
        self.output_octets = 0
        return octets

    def take_parts(self) -> list[bytes]:
        """As `take_output`, in the pieces that were written."""
        parts, self._output, self.output_octets = self._output, [], 0
        return parts

    def close(self, reason: Reason) -> None:
        """End the dialogue; the first reason stays."""
        if self._reason is None:
            self._reason = reason
        self.awaiting = None
        self.move(self._table.stopped)

    def closed(self) -> Closed:
        """The last event."""
        return Closed(self._reason or Reason.PEER_CLOSED)

    def wait(self) -> Pause | Closed:
        """What `next_event` returns when everything received is read."""
        if self.state is not self._table.last:
            if not self.has_ended:
                return NEED_DATA
            self.close(Reason.PEER_CLOSED)
        return self.closed()

    def fail_sending(self) -> None:
        """Drop the output, which could not be sent, and end the dialogue."""
        self.take_parts()
        self.close(Reason.SEND_FAILED)
