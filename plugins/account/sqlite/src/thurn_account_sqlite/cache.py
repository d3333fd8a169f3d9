"""Remembers look-ups of one worker for as long as nobody has changed anything.

Rules: whatever any process commits, and a file put in place of the other, empties it (`Version`);
so nothing in it is ever older than the question. A bound on the number: strangers choose keys.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar

import apsw

from thurn_account_sqlite.database import Database, Version

T = TypeVar("T")

ENTRIES: Final = 10_000
"""A few megabytes; a site with more active addresses asks SQLite, which takes 20 µs."""


class LookupCache:
    """Answers by question."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._version: Version = (0, 0)
        self._entries: dict[Hashable, Any] = {}

    async def get(self, question: Hashable, work: Callable[[apsw.Connection], T]) -> T:
        """The answer to a question, read by `work` if it is not known.

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
        # Put in again at the end. A waiting read may end after others emptied the cache: then the
        # version is another one, and the answer is of that one or newer.
        self._entries[question] = answer
        return answer
