"""Reading rows: the one place where SQLite's values become what the schema says they are."""

from __future__ import annotations

from typing import Any

import apsw

Values = tuple["int | float | str | bytes | None", ...]


def select(connection: apsw.Connection, sql: str, values: Values = ()) -> list[Any]:
    """All rows, each a tuple in the order of the columns."""
    return connection.execute(sql, values).fetchall()


def select_one(connection: apsw.Connection, sql: str, values: Values = ()) -> Any:  # noqa: ANN401 - as the schema says
    """The first row, or None."""
    return connection.execute(sql, values).fetchone()
