"""The stage `outgoing`: edits and signs mail for elsewhere, once per entry of the queue, in its
final form.

Each entry passes the stage after everything else about it was decided and before it is committed,
with the octets and the envelope that the next hop will get. The site has one list of instances
(`[site] outgoing`), because every entry passes the stage, whoever made it. First all instances of
the class "edit" are asked in the list's order, then all of the class "sign". So a signature covers
every edit, and nothing is changed after it.

A copy that waits for an account of this site never passes the stage: it does not leave the site.

If an instance cannot decide (it raises, misses its deadline, or answers `Tempfail`), the stage
stops for this entry and none of its edits count. Submitted mail is then answered 451, because its
sender is there and can try again. Every other entry is committed as it was, with `pending_stage`
set (`thurn.contracts.queue`), and whoever carries the queue on asks the stage again before the
first attempt. So mail that was accepted is never lost and never leaves without its signature.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal, Protocol, TypeAlias

from thurn.types.content import Content
from thurn.types.decision import Continue, Tempfail
from thurn.types.envelope import Envelope
from thurn.types.identity import AccountId

PENDING_OUTGOING: Final = "outgoing"
"""The value of `pending_stage` of an entry that has yet to pass this stage."""

OutgoingClass: TypeAlias = Literal["edit", "sign"]


class EntryKind(Enum):
    """How an entry of the queue came to be; the values are stored and never change."""

    SUBMITTED = "submitted"
    """Accepted by a listener with `submission = true`, from a person's mail program."""
    RELAYED = "relayed"
    """Accepted by any other listener: somebody else's mail on its way."""
    REDIRECT = "redirect"
    """The message itself, sent on by the rules of an account."""
    REPLY = "reply"
    """A new message that the rules of an account wrote: an absence note, a notification."""
    REPORT = "report"
    """A message that the host or a plugin wrote for the site: a delivery report, a notice."""


class HopClass(Enum):
    """Where the next hop of an entry is; the values are stored and never change."""

    INSIDE = "inside"
    """A host to which the directory routes the address: another mail system of the site."""
    WORLD = "world"
    """Anywhere else."""


@dataclass(frozen=True, slots=True)
class EntryOrigin:
    """Where an entry of the queue comes from and where it goes; stored with the entry.

    Attributes:
        kind: how the entry came to be.
        hop_class: None for a copy that waits for an account of this site.
        account: whose mail it is: for submitted or relayed mail that of the login, or of the grant
            by which it was relayed (`RELAYED_FOR`); for a redirect or a reply the account whose
            rules sent it; None: no account is known.
        transaction: the id of the transaction that the entry comes from, for the journal.
        listener: the listener that accepted the message, or the instance that submitted it.
    """

    kind: EntryKind
    hop_class: HopClass | None
    account: AccountId | None = None
    transaction: str = ""
    listener: str = ""


@dataclass(frozen=True, slots=True)
class OutgoingEntry:
    """An entry of the queue as the stage sees it."""

    envelope: Envelope
    origin: EntryOrigin


OutgoingDecision: TypeAlias = Continue | Tempfail


class OutgoingFilter(Protocol):
    """Edits or signs mail for elsewhere. It refuses nothing: filters and relay rules do that, while
    the sender can still be answered."""

    @property
    def outgoing_class(self) -> OutgoingClass:
        """When the instance is asked, and what it may do; any other edit counts as a failure.

        - "edit" may change the header (`InsertHeader`, `InsertFields`, `ReplaceHeader`,
          `RemoveHeader`) and the envelope's sender (`ChangeSender`).
        - "sign" may only put fields above the message (`InsertHeader`, `InsertFields`).
        """

    async def check_outgoing(
        self, entry: OutgoingEntry, content: Content
    ) -> OutgoingDecision | None:
        """Asked once per entry, or again for one whose stage is pending.

        Args:
            entry: the entry, with the edits of the instances before.
            content: its final octets, with those edits. The body is never changed.

        Returns:
            `Continue` with the edits; `Tempfail` if it cannot be decided now; None is `Continue()`.
        """
