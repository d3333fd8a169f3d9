"""Decides what becomes of the copies of a message; a pure function.

With replies "each" (LMTP) every accepted RCPT has its own status, and only recipients with success
are served. With "one" a single answer is for all recipients. If all copies are refused, it is 5xx;
if all have failed for now, it is 4xx. Otherwise the copies with success are served, a refusal is
reported to the sender, a copy that failed for now is queued, and the answer is 250. Without a queue
such a mixed message stays with the peer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from thurn.contracts.policy import TransactionOutcome
from thurn.delivery.copies import Copy
from thurn.types.status import LOCAL_ERROR, QUEUED, STORAGE_FULL, STORED, Status

Replies: TypeAlias = Literal["each", "one"]


@dataclass(frozen=True, slots=True)
class Disposition:
    """What is done with each copy in the one commit, and the answer to the peer.

    Attributes:
        statuses: a single one, or one per accepted RCPT, in order.
        served: copies that are filed, or that go elsewhere by the queue.
        refused: copies whose refusal is reported to the sender.
        postponed: copies for accounts here that failed for now and are queued.
        reason: the host's own reason, for the journal; "": the host has no reason of its own.
    """

    statuses: tuple[Status, ...]
    served: tuple[Copy, ...] = ()
    refused: tuple[Copy, ...] = ()
    postponed: tuple[Copy, ...] = ()
    reason: str = ""

    @property
    def outcome(self) -> TransactionOutcome:
        """The journal's word."""
        if not any(status.is_success for status in self.statuses):
            is_temporary = any(status.is_temporary for status in self.statuses)
            return "deferred" if is_temporary else "refused"
        waits = self.postponed or any(copy.is_foreign for copy in self.served)
        is_filed = any(not copy.is_foreign for copy in self.served)
        return "queued" if waits and not is_filed else "stored"

    def without(self, lacking: Sequence[Copy], replies: Replies) -> Disposition:
        """The same after a commit in which these copies had no room and all others had.

        With "each" their recipients are answered 452. With "one" the answer stays, because these
        copies are queued (ADR 0012).
        """
        statuses = list(self.statuses)
        if replies == "each":
            for copy in lacking:
                statuses[copy.index] = STORAGE_FULL
        return replace(self, statuses=tuple(statuses))


def dispose(
    copies: Sequence[Copy], recipients: int, replies: Replies, *, has_queue: bool
) -> Disposition:
    """Decide about the copies of one message.

    Args:
        copies: all copies of the message.
        recipients: how many recipients were accepted.
        replies: whether there is one answer for all, or one for each recipient.
        has_queue: whether the site has a queue.
    """
    if replies == "each":
        return _for_each(copies, recipients)
    reached = tuple(copy for copy in copies if copy.status.is_success)
    refused = tuple(copy for copy in copies if copy.status.is_permanent)
    postponed = tuple(copy for copy in copies if copy.status.is_temporary)
    if not reached and (refused or postponed) and not (refused and postponed):
        return Disposition(((refused or postponed)[0].status,))
    if (refused or postponed) and not has_queue:
        # The rest cannot be queued, so the whole message stays with the peer.
        status = postponed[0].status if postponed else LOCAL_ERROR
        return Disposition((status,), reason="queue.missing")
    is_filed = any(not copy.is_foreign for copy in reached)
    return Disposition((STORED if is_filed else QUEUED,), reached, refused, postponed)


def _for_each(copies: Sequence[Copy], recipients: int) -> Disposition:
    """Each recipient gets the worst status among its targets. A temporary one is worst, because
    then the peer tries again."""
    statuses = [STORED] * recipients
    for copy in copies:
        current = statuses[copy.index]
        if current.is_success or (copy.status.is_temporary and current.is_permanent):
            statuses[copy.index] = copy.status
    served = tuple(copy for copy in copies if statuses[copy.index].is_success)
    return Disposition(tuple(statuses), served)
