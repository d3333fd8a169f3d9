"""A change of an existing entry: an attempt, a destination, or its removal."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from thurn.plugin import Frame

from thurn_queue_spool.database import Database, engine_errors, one
from thurn_queue_spool.deposit import Parts
from thurn_queue_spool.perform import perform
from thurn_queue_spool.record import Edit, encode


class EntryChange:
    """A change for the commit log.

    Args:
        parts: the parts of the queue.
        id_: the id of the entry.
        make: makes the operation with a sequence number.
        ends: the holder of the lease that ends with the change; "" if none does.

    Attributes:
        found: whether the entry existed; only after the commit.
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
        """Change the entry and add the record; nothing happens if the entry does not exist."""
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
        """Remove the file of a removed entry, or tell all workers that an entry may be due."""
        if self.found and self._is_gone:
            with suppress(OSError):  # `sweep` tries again
                self._parts.bodies.remove(self._id)
        elif self._ends:
            self._parts.tell()
