"""What this worker has committed last: views of its own sessions move on without the index.

Rules of this file: operations in the order of their MODSEQs, without a gap after `since`; few, and
only those that a view can be moved on by. Whatever else happens is a gap: the index is asked then.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, TypeAlias

from thurn_store_spool.operation import Appended, Expunged, Flagged, Operation

RECENT: Final = 64
"""Operations that are known: a session looks after each command, others when they are woken."""

RANGES_OCTETS: Final = 512
"""Of an operation's UIDs, so that all accounts of a worker together keep a few megabytes."""


class Arrived(NamedTuple):
    """What a view has of a message that was stored."""

    modseq: int
    mailbox: int
    uid: int
    flags: int
    size: int
    received: int


Known: TypeAlias = Arrived | Flagged | Expunged


class Recent:
    """The newest operations of an account.

    Attributes:
        since: all operations after this MODSEQ are known.
    """

    __slots__ = ("_operations", "since")

    def __init__(self) -> None:
        self.since = -1
        self._operations: list[Known] = []

    def forget(self, highest: int) -> None:
        """Only what comes after this MODSEQ will be known."""
        self.since = highest
        self._operations.clear()

    def add(self, operations: Iterable[Operation]) -> None:
        """These have been committed, next to those before."""
        for one in operations:
            if isinstance(one, Appended):
                size = one.length + len(one.prefix)
                self._operations.append(
                    Arrived(one.modseq, one.mailbox, one.uid, one.flags, size, one.received)
                )
            elif isinstance(one, Flagged | Expunged) and len(one.uids) <= RANGES_OCTETS:
                self._operations.append(one)
            else:
                self.forget(one.modseq)
        over = len(self._operations) - RECENT
        if over > 0:
            self.since = self._operations[over - 1].modseq
            del self._operations[:over]

    def of(self, mailbox: int, seen: int) -> list[Known] | None:
        """What happened to a mailbox after a MODSEQ; None when not all of it is known."""
        if not 0 <= self.since <= seen:
            return None
        return [one for one in self._operations if one.modseq > seen and one.mailbox == mailbox]
