"""The product: the tables and notices of one process.

Several `MemoryState` objects may share `Rows`; they are then like workers of one site. Only tests
do that, since a site with several workers needs a plugin that works across processes.
"""

from __future__ import annotations

from collections import defaultdict

from thurn.plugin import Clock
from thurn_kit.notices import NoticeHub

from thurn_state_memory.table import MemoryTable, TableRows


class Rows:
    """The part that `MemoryState` objects share: rows by table and key, and the notices."""

    def __init__(self) -> None:
        self.tables: defaultdict[str, TableRows] = defaultdict(TableRows)
        self.notices = NoticeHub()


class MemoryState:
    """State in memory; see `thurn.contracts.state.State`."""

    def __init__(self, rows: Rows, clock: Clock) -> None:
        self._rows = rows
        self._clock = clock

    def table(self, name: str) -> MemoryTable:
        """The table of this name."""
        return MemoryTable(self._rows.tables[name], self._clock)

    @property
    def notices(self) -> NoticeHub:
        """Notices within this process."""
        return self._rows.notices
