"""Remembers the look-ups of one worker until the database changes.

Rules of this file: a commit of any process empties the cache, and so does another file in the
place of the database (`Version`), so that an answer is never older than its question. The number
of entries is bounded, since strangers choose the questions.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar

import apsw

from thurn_account_sqlite.database import Database, Version

T = TypeVar("T")

ENTRIES: Final = 10_000
"""Answers that are kept, a few megabytes; others are read from SQLite, which takes 20 µs."""


class LookupCache:
    """The answers of one worker by question."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._version: Version = (0, 0)
        self._entries: dict[Hashable, Any] = {}

    async def get(self, question: Hashable, work: Callable[[apsw.Connection], T]) -> T:
        """The answer to a question; `work` reads it if it is not remembered.

        Raises:
            TemporaryFailure: see `Database.read`.
        """
        version = await self._database.version()
        if version != self._version:
            self._entries.clear()
            self._version = version
        try:
            answer: T = self._entries.pop(question)
        except KeyError:
            answer = await self._database.read(work)
            if len(self._entries) >= ENTRIES:
                del self._entries[next(iter(self._entries))]
        # The answer goes to the end of the order. A read that waited may end after others have
        # emptied the cache; its answer is then of that version or a newer one.
        self._entries[question] = answer
        return answer
