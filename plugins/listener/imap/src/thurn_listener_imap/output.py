"""Where a session's responses go: they are gathered, and sent before they become many octets."""

from __future__ import annotations

from typing import Protocol


class Output(Protocol):
    """Where commands write their responses."""

    def write(self, octets: bytes) -> None:
        """Gather whole responses, or the pieces of one in their order."""

    async def relieve(self) -> None:
        """Send what is gathered if it is much; this waits for a client that does not read.

        Raises:
            OSError: the connection is lost.
        """
