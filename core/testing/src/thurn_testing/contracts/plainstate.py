"""Shared state for kits of stores: notices within one process, no tables."""

from __future__ import annotations

from thurn.contracts.state import Notices, Table
from thurn_kit.notices import NoticeHub


class PlainState:
    """Notices only: stores keep no tables."""

    def __init__(self) -> None:
        self.notices: Notices = NoticeHub()

    def table(self, name: str) -> Table:
        """Not here."""
        raise LookupError(f"the kit has no table {name!r}")
