"""What a delivery leads to beyond the accounts that it is for: entries of the queue, and deposits
of messages that rules have sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from thurn.contracts.outgoing import EntryOrigin, HopClass
from thurn.delivery.deposits import OwnedDeposit
from thurn.types.content import Content
from thurn.types.envelope import Envelope
from thurn.types.session import Target


@dataclass(frozen=True, slots=True)
class PlannedEntry:
    """An entry of the queue before it is committed.

    Attributes:
        key: by which a repeat is recognised.
        pending_stage: the stage that it has yet to pass; "": none.
    """

    envelope: Envelope
    content: Content
    origin: EntryOrigin
    key: str
    pending_stage: str = ""


@dataclass(frozen=True, slots=True)
class SentOn:
    """What must be committed so that messages are sent, with everything that they lead to.

    Attributes:
        deposits: the deposits for accounts here.
        entries: the entries of the queue.
        actions: what is called after the commit.
    """

    deposits: tuple[OwnedDeposit, ...] = ()
    entries: tuple[PlannedEntry, ...] = ()
    actions: tuple[Callable[[], None], ...] = ()

    def and_also(self, other: SentOn) -> SentOn:
        """Both together."""
        return SentOn(
            (*self.deposits, *other.deposits),
            (*self.entries, *other.entries),
            (*self.actions, *other.actions),
        )


NOTHING_SENT: Final = SentOn()
"""What must be committed where nothing is sent."""


def hop_class_of(target: Target) -> HopClass | None:
    """Where the next hop of a target is; None: the target is an account of this site."""
    if target.account is not None:
        return None
    return HopClass.INSIDE if target.next_hop else HopClass.WORLD
