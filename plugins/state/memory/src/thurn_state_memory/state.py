"""The product: tables over rows, and notices, of one process.

`Rows` may be given to several `MemoryState` objects; they then are workers of one site. Only tests
do that: a site with several workers needs a plugin that crosses processes.
"""

from __future__ import annotations

from collections import defaultdict

from thurn.plugin import Clock
from thurn_kit.notices import NoticeHub

from thurn_state_memory.table import MemoryTable, TableRows


class Rows:
    """What `MemoryState` objects share: rows by table and key, and who listens."""

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
