"""The product: tables over one database, and notices."""

from __future__ import annotations

from dataclasses import dataclass

from thurn_state_sqlite.database import Database
from thurn_state_sqlite.notices import SocketNotices
from thurn_state_sqlite.table import SqliteTable


@dataclass(frozen=True, slots=True)
class SqliteState:
    """The state of a site; see `thurn.contracts.state.State`."""

    database: Database
    notices: SocketNotices

    def table(self, name: str) -> SqliteTable:
        """The table of this name."""
        return SqliteTable(self.database, name)
