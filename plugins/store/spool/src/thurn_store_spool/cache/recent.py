"""What this worker has committed last: its own sessions' views move on without reading the index.

Rules of this file: operations in the order of their MODSEQs, without a gap; few, and only those
that a view can be moved on by. Everything else is a gap, and the index is read then.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from thurn_store_spool.cache.bounds import RECENT_OPERATION_OCTETS, RECENT_OPERATIONS
from thurn_store_spool.operation.kind import Appended, Expunged, Flagged, Operation


class Arrived(NamedTuple):
    """What a view has of a message that was stored."""

    modseq: int
    mailbox: int
    uid: int
    flags: int
    size: int
    received: int


RecentOperation: TypeAlias = Arrived | Flagged | Expunged


class RecentOperations:
    """The newest operations of an account: all those above one MODSEQ, up to another."""

    __slots__ = ("_after", "_operations", "_until")

    def __init__(self) -> None:
        self._after = 0
        self._until = -1
        self._operations: list[RecentOperation] = []

    def add(self, operations: Iterable[Operation]) -> None:
        """This worker has committed these, in this order."""
        for one in operations:
            if one.modseq != self._until + 1:  # others have committed in between
                self._forget(one.modseq - 1)
            self._until = one.modseq
            if isinstance(one, Appended):
                size = one.length + len(one.prefix)
                self._operations.append(
                    Arrived(one.modseq, one.mailbox, one.uid, one.flags, size, one.received)
                )
            elif isinstance(one, Flagged | Expunged) and len(one.uids) <= RECENT_OPERATION_OCTETS:
                self._operations.append(one)
            else:
                self._forget(one.modseq)
        over = len(self._operations) - RECENT_OPERATIONS
        if over > 0:
            self._after = self._operations[over - 1].modseq
            del self._operations[:over]

    def _forget(self, modseq: int) -> None:
        """Nothing is known but what comes after this MODSEQ."""
        self._after = self._until = modseq
        self._operations.clear()

    def of(self, mailbox: int, as_of: int, highest: int) -> list[RecentOperation] | None:
        """What happened to a mailbox between two MODSEQs; None when not all of it is known."""
        if self._until != highest or self._after > as_of:
            return None
        return [one for one in self._operations if one.modseq > as_of and one.mailbox == mailbox]
