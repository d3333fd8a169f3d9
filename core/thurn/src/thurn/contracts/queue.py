"""The queue, routers and transports: mail that goes elsewhere or later.

An entry of the queue is one message with an envelope and its origin (`EntryOrigin`). A service
takes leases on entries that are due, routers say where their recipients go, a transport carries
them there, and the lease records how it went. An entry with a `pending_stage` has yet to pass a
stage that could not decide when the entry was made (`thurn.contracts.outgoing`): whoever holds the
lease asks that stage before the attempt, and gives the lease back if it still cannot decide.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, NewType, Protocol

from thurn.contracts.outgoing import EntryOrigin
from thurn.contracts.store import Deposit
from thurn.types.content import Content
from thurn.types.envelope import Envelope, Recipient
from thurn.types.status import Status

QueueId = NewType("QueueId", str)

RETRY_LONGEST_SECONDS: Final = 30 * 86_400.0
"""The longest wait for the next try, in seconds: more than a sender may ask for (RFC 4865) and than
a queue keeps mail (RFC 5321 §4.5.4.1: 4-5 days). A later time comes from a clock that was wrong."""


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """An entry that waits in the queue, for lists.

    Attributes:
        envelope: the sender, and the recipients that still wait.
        queued_at: when it was queued, POSIX seconds.
        retry_at: when it is due, POSIX seconds; None: at once.
        tries: how many attempts were made.
        last_status: the answer for the last recipient that failed; None: no attempt has failed.
        origin: where it comes from; None for an entry made before origins were stored.
        pending_stage: the stage that it has yet to pass; "": none.
    """

    id: QueueId
    envelope: Envelope
    size_octets: int
    queued_at: float
    retry_at: float | None
    tries: int
    last_status: Status | None
    origin: EntryOrigin | None = None
    pending_stage: str = ""


@dataclass(frozen=True, slots=True)
class RecipientResult:
    """How an attempt went for one recipient."""

    recipient: Recipient
    status: Status


@dataclass(frozen=True, slots=True)
class Hop:
    """Where a recipient goes: a transport instance, and a next hop ("": the transport finds it)."""

    transport: str
    next_hop: str = ""


class Lease(Protocol):
    """An entry taken for one attempt. If the process that holds it dies, the entry is due again."""

    @property
    def id(self) -> QueueId:
        """The entry."""

    @property
    def envelope(self) -> Envelope:
        """The sender, and the recipients that are due."""

    @property
    def origin(self) -> EntryOrigin | None:
        """See `QueueEntry.origin`."""

    @property
    def pending_stage(self) -> str:
        """See `QueueEntry.pending_stage`."""

    @property
    def destination(self) -> str:
        """The destination that was stored when the entry was routed first; "" before that."""

    async def content(self) -> Content:
        """The message."""

    async def route(self, destination: str) -> None:
        """Store the destination, durably: a caller that skips this destination does not get the
        entry again. The lease goes on."""

    async def finish(self, results: Sequence[RecipientResult], *, retry_at: float | None) -> None:
        """Record how the attempt went. Recipients with success or permanent failure leave the
        entry.

        Args:
            results: for recipients of this lease; those without a result stay as they were.
            retry_at: POSIX seconds of the next try for the others; None: at once. A time outside of
                the next `RETRY_LONGEST_SECONDS` is moved to the nearest one inside, so that no
                wrong clock can hide an entry for ever.
        """

    async def release(self) -> None:
        """Give the entry back as it was."""


class Queue(Protocol):
    """Durable mail waiting to go on."""

    def prepare(
        self,
        envelope: Envelope,
        content: Content,
        *,
        key: str,
        origin: EntryOrigin | None = None,
        pending_stage: str = "",
    ) -> Deposit:
        """Prepare an entry, to be committed together with other deposits.

        Args:
            envelope: stored whole: paths, originals, all extension words.
            content: stored octet by octet.
            key: by which a repeat is recognised; "": every call makes another entry.
            origin: stored with the entry.
            pending_stage: stored with the entry.
        """

    async def next_lease(self, *, skip: Collection[str] = ()) -> Lease:
        """The next entry that is due and not for one of these destinations; waits until there is
        one."""

    async def entries(
        self, *, limit: int = 1000, after: QueueId | None = None
    ) -> Sequence[QueueEntry]:
        """The entries that wait in the queue, oldest first."""

    async def remove(self, entry: QueueId) -> bool:
        """Remove an entry; False if it does not exist."""


class Router(Protocol):
    """Decides where a recipient goes."""

    async def route(self, envelope: Envelope, recipient: Recipient) -> Hop | None:
        """A hop, or None: the next router is asked. Raises TemporaryFailure if it cannot be known
        now."""


class Transport(Protocol):
    """Carries a message on."""

    async def deliver(
        self, lease: Lease, hop: Hop, recipients: Sequence[Recipient]
    ) -> Sequence[RecipientResult]:
        """Make one attempt; returns a result per recipient. An exception counts as a temporary
        failure for all of them."""
