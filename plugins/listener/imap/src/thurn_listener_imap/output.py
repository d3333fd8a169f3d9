"""What a session says, on its way out: gathered, and sent before it becomes much."""

from __future__ import annotations

from typing import Protocol


class Output(Protocol):
    """Where commands write their responses."""

    def write(self, octets: bytes) -> None:
        """Whole responses, or pieces of one in their order."""

    async def relieve(self) -> None:
        """Send what is gathered if it is much; waits for a client that does not read.

        Raises:
            OSError: the client has gone.
        """
