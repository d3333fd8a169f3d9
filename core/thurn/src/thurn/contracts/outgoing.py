"""The stage `outgoing`: what goes elsewhere, seen once per entry of the queue, in its final form.

Each entry passes the stage after everything else about it was decided and before it is committed,
with the octets and the envelope that the next hop will get. The site has one list of instances
(`[site] outgoing`), because every entry passes it whoever made the entry. Two classes are asked in
turn: first all instances of the class "edit" in the list's order, then all of the class "sign".
So a signature covers every edit, and nothing is changed after it.

A copy that waits for an account of ours never comes here: nothing of it leaves the site.

An instance that cannot decide (it raises, overruns its deadline, or says `Tempfail`) stops the
stage for this entry, and none of the stage's edits count. Submitted mail is then answered 451, for
its sender is there and can try again. Every other entry is committed as it was, with
`pending_stage` set (`thurn.contracts.queue`), and whoever carries the queue on asks again before
the first attempt: mail that was accepted is never lost and never leaves without its signature.
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
    """Taken by a listener with `submission = true`: from a person's mail program."""
    RELAYED = "relayed"
    """Taken by any other listener: somebody else's mail on its way."""
    REDIRECT = "redirect"
    """The message itself, sent on by the rules of an account."""
    REPLY = "reply"
    """A new message that the rules of an account wrote: an absence note, a notification."""
    REPORT = "report"
    """Written by the host or a plugin for the site: a delivery report, a notice."""


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
        hop_class: None for a copy that waits for an account of ours; it never passes the stage.
        account: whose mail it is: the login of what was submitted or relayed, the account whose
            rules sent a redirect or a reply; None where no account is known.
        transaction: the id of the transaction that the entry comes from, for the journal.
        listener: the instance that took the transaction, or whose plugin submitted the message.
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
    """Edits or signs what goes elsewhere. It judges nothing: what must not leave is refused by the
    filters and the relay rules, while the sender can still be answered."""

    @property
    def outgoing_class(self) -> OutgoingClass:
        """When it is asked, and what it may do; other edits count as a failure.

        - "edit" may change the header (`InsertHeader`, `InsertFields`, `ReplaceHeader`,
          `RemoveHeader`) and the envelope's sender (`ChangeSender`).
        - "sign" may only put fields above the message (`InsertHeader`, `InsertFields`).
        """

    async def check_outgoing(
        self, entry: OutgoingEntry, content: Content
    ) -> OutgoingDecision | None:
        """Asked once per entry, or again for one whose stage is pending.

        Args:
            entry: with the edits of the instances before.
            content: the final octets, with those edits. The body is never changed.

        Returns:
            `Continue` with the edits; None is `Continue()`; `Tempfail`: it cannot be decided now.
        """
