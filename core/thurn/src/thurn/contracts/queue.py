"""The queue, routers and transports: mail that goes elsewhere or later.

An entry of the queue is one message with an envelope and where it came from (`EntryOrigin`). A
service takes leases on entries that are due, routers say where their recipients go, a transport
carries them there, and the lease records how it went. An entry whose `pending_stage` is set has yet
to pass a stage that could not decide when the entry was made (`thurn.contracts.outgoing`): whoever
holds the lease asks that stage before the attempt, and gives the lease back when it cannot.
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
"""The longest wait for a next try: above what a sender may ask for (RFC 4865) and what a queue
keeps (RFC 5321 §4.5.4.1: 4-5 days). A time beyond it comes from a clock that was wrong."""


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """An entry that waits in the queue, for lists.

    Attributes:
        envelope: the sender and the recipients that have not left.
        queued_at: when it came in, POSIX seconds.
        retry_at: when it is due, POSIX seconds; None: at once.
        last_status: of the last recipient that failed; None: nothing has failed.
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
    """Where a recipient goes: a transport instance and a next hop ("" = by the transport)."""

    transport: str
    next_hop: str = ""


class Lease(Protocol):
    """An entry taken for an attempt; when the holder dies it is due again."""

    @property
    def id(self) -> QueueId:
        """The entry."""

    @property
    def envelope(self) -> Envelope:
        """Sender and the recipients that are due."""

    @property
    def origin(self) -> EntryOrigin | None:
        """See `QueueEntry.origin`."""

    @property
    def pending_stage(self) -> str:
        """See `QueueEntry.pending_stage`."""

    @property
    def destination(self) -> str:
        """The destination key stored at first routing; "" before it."""

    async def content(self) -> Content:
        """The message."""

    async def route(self, destination: str) -> None:
        """Store the destination key, durably: a caller that skips this destination is not offered
        the entry again. The lease goes on."""

    async def finish(self, results: Sequence[RecipientResult], *, retry_at: float | None) -> None:
        """Record how it went; recipients with success or permanent failure leave the entry.

        Args:
            results: of recipients of this lease; those without one stay as they were.
            retry_at: POSIX seconds of the next try for the others; None is at once. A time that is
                not between now and `RETRY_LONGEST_SECONDS` ahead counts as the nearest that is, so
                that an entry is due within that time by the clock of then, whatever was set.
        """

    async def release(self) -> None:
        """Give it back untouched."""


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
        """An entry to be committed with other deposits.

        Args:
            envelope: kept whole: paths, originals, all extension words.
            content: kept octet by octet.
            key: makes a repeat recognisable; "": each time is another entry.
            origin: kept with the entry.
            pending_stage: kept with the entry.
        """

    async def next_lease(self, *, skip: Collection[str] = ()) -> Lease:
        """The next entry that is due and not for these destinations; waits for one."""

    async def entries(
        self, *, limit: int = 1000, after: QueueId | None = None
    ) -> Sequence[QueueEntry]:
        """What waits in the queue, oldest first."""

    async def remove(self, entry: QueueId) -> bool:
        """Take an entry out; False when it is not there."""


class Router(Protocol):
    """Where a recipient goes."""

    async def route(self, envelope: Envelope, recipient: Recipient) -> Hop | None:
        """A hop, or None: the next router is asked. Raises TemporaryFailure when it cannot be
        known."""


class Transport(Protocol):
    """Carries a message on."""

    async def deliver(
        self, lease: Lease, hop: Hop, recipients: Sequence[Recipient]
    ) -> Sequence[RecipientResult]:
        """One attempt; a result per recipient; raising counts as temporary for all of them."""
