"""How much a worker remembers: the bounds of everything in `cache` and `body`, in one table.

All of it is only remembered: it may be forgotten at any time and is then read again. Totals are
kept for each mailbox that was asked for, and an `AccountIndex` knows the tree of its mailboxes;
both are bounded by the number of mailboxes an account may have.

Rules of this file: each bound says what it bounds, its unit and its reason.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

VIEWS_PER_ACCOUNT: Final = 16
"""Views remembered for an account, 40 octets a message; sessions hold those that they use."""

RECORDS_PER_ACCOUNT: Final = 16
"""Mailbox records remembered for an account; sessions resolve the same few names again."""

ACTIVE_DOCUMENTS_PER_ACCOUNT: Final = 4
"""Active documents remembered for an account, one per kind and 1 MiB at most each; the Sieve script
is asked for at each delivery."""

RECENT_OPERATIONS: Final = 64
"""Operations of an account by which its views are moved on without reading the index. A session
looks after each of its commands, others look when they are woken."""

RECENT_OPERATION_OCTETS: Final = 512
"""Octets of the packed UIDs of one recent operation, so that those of all accounts of a worker
together take a few megabytes."""

SHARED_BODIES: Final = 64
"""Big messages of a worker to whose files others may link; more than it takes at a time."""

SHARED_SUMMARY_OCTETS: Final = 65_536
"""Octets of the summary of one shared body, usually some kilobytes. A message with longer headers
is copied and scanned for each account."""

RETIRED_SEGMENTS: Final = 4_096
"""Segments of the commit log that a worker knows to be gone; they held about 64 GiB of mail."""


class BoundedDict(OrderedDict[K, V], Generic[K, V]):
    """A dict that forgets its oldest key when `remember` adds one too many. From any thread."""

    __slots__ = ("_bound",)

    def __init__(self, bound: int) -> None:
        super().__init__()
        self._bound = bound

    def remember(self, key: K, value: V) -> None:
        """Set a key; a key that was there keeps its age."""
        self[key] = value
        while len(self) > self._bound:
            self.popitem(last=False)
