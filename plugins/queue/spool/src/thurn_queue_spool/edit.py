"""A change of an entry that is there: an attempt, a destination, its end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from thurn.plugin import Frame

from thurn_queue_spool.database import Database, engine_errors, one
from thurn_queue_spool.deposit import Parts
from thurn_queue_spool.perform import perform
from thurn_queue_spool.record import Edit, encode


class EntryChange:
    """A change of the log.

    Args:
        parts: of the queue.
        id_: of the entry.
        make: the operation with this sequence number.
        ends: the holder of a lease that ends with it.

    Attributes:
        found: whether the entry was there; after the commit.
    """

    def __init__(
        self, parts: Parts, id_: str, make: Callable[[int], Edit], *, ends: str = ""
    ) -> None:
        self._parts = parts
        self._id = id_
        self._make = make
        self._ends = ends
        self._is_gone = False
        self.found = False

    @property
    def resource(self) -> Database:
        """The queue's file."""
        return self._parts.database

    def apply(self, frame: Frame) -> None:
        """Do it and add its record; nothing when the entry is not there."""
        database = self._parts.database
        with engine_errors():
            row = one(database.writer, "SELECT 1 FROM entry WHERE id = ?", self._id)
            self.found = row is not None
            if not self.found:
                return
            op = self._make(database.take_sequence())
            self._is_gone = perform(database.writer, op)
            database.writer.execute(
                "UPDATE entry SET holder = NULL WHERE id = ? AND holder = ?", (self._id, self._ends)
            )
        frame.record(self._parts.owner, encode(op))

    def applied(self) -> None:
        """Remove the file of what is gone; tell all workers of what may be due."""
        if self.found and self._is_gone:
            with suppress(OSError):  # `sweep` tries again
                self._parts.bodies.remove(self._id)
        elif self._ends:
            self._parts.tell()
