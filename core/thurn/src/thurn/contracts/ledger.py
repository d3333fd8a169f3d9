"""The ledger: it is asked for memory and disk before octets of a peer are taken (ADR 0019).

A listener makes a share for each content, reserves disk before the content comes, asks for memory
before each receive, takes the turn to scan before a file is read whole, and releases the share when
the content is answered, refused or abandoned.

Rules: memory is never waited for. What is not granted goes to a file, and whoever waits for a turn
to scan holds no memory.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol


class LedgerShare(Protocol):
    """What one content on its way in holds of the worker's memory and of the site's disk."""

    def hold_memory(self, size_octets: int) -> bool:
        """Hold so much memory from now on, instead of what was held before.

        Returns:
            Whether it is granted. Less than before always is; where more is not, the share keeps
            what it holds, and the caller writes its octets to a file at once.
        """

    def reserve_disk(self, size_octets: int) -> None:
        """Reserve room for a content of this size, instead of what was reserved before.

        Raises:
            StorageFull: there is no room beyond the site's reserve, or contents of this holder
                that come at the same time have a tenth of it. What was reserved stays.
        """

    def release(self) -> None:
        """Give everything back. Idempotent."""


class Ledger(Protocol):
    """The worker's memory and the site's disk, for everybody who takes octets."""

    def share(self, holder: str | None) -> LedgerShare:
        """A share that holds nothing yet.

        Args:
            holder: whose it is, for the bound of one holder: an account, or `holder_of` a peer.
                None: nobody's; only the disk bounds it.
        """

    def need_disk(self, size_octets: int) -> None:
        """Check that there is room for a small change that adds something, such as a mailbox.

        Raises:
            StorageFull: only the reserve is left, which is for what removes and settles.
        """

    def scan_turn(self, size_octets: int) -> AbstractAsyncContextManager[None]:
        """The turn to have a content of this size in memory for a scan; waited for in order.

        One scan in each worker is always admitted, whatever its size. Whoever waits here must hold
        no memory of the ledger.
        """
