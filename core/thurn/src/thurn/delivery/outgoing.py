"""Asks the stage `outgoing` (`thurn.contracts.outgoing`) for one entry of the queue.

Rules of this file:
1. All instances of the class "edit" are asked before all of the class "sign"; each sees the edits
   of those before it.
2. An edit that its class does not allow, or that cannot be carried out, is a failure of its
   instance: it counts as "cannot decide", or, with `on_error = "continue"`, as no opinion.
3. The first instance that cannot decide ends the stage, and then no edit counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from thurn.chain.rule import Stage
from thurn.chain.runner import Chain
from thurn.contracts.outgoing import OutgoingClass, OutgoingEntry, OutgoingFilter
from thurn.delivery.edits import edit_header
from thurn.types.content import Content
from thurn.types.decision import (
    ChangeSender,
    Continue,
    Edit,
    InsertFields,
    InsertHeader,
    RemoveHeader,
    ReplaceHeader,
    Tempfail,
)
from thurn.types.session import JournalEntry

OUTGOING_SECONDS: Final = 30.0
"""Most seconds of one class for one entry; a peer waits 600 s for the answer to the end of data,
and a message seldom makes more than three entries."""

ALLOWED: Final[Mapping[OutgoingClass, tuple[type[Edit], ...]]] = {
    "edit": (InsertHeader, InsertFields, ReplaceHeader, RemoveHeader, ChangeSender),
    "sign": (InsertHeader, InsertFields),
}
"""The edits that each class may ask for."""


@dataclass(frozen=True, slots=True)
class Edited:
    """An entry after the edits of an instance.

    Attributes:
        reason: the reason of the decision, for the journal.
        detail: the detail of the decision, for the journal.
    """

    entry: OutgoingEntry
    content: Content
    reason: str = ""
    detail: str = ""


OUTGOING: Final[Stage[OutgoingFilter]] = Stage(
    "outgoing", "check_outgoing", (Continue, Edited, Tempfail), OUTGOING_SECONDS
)


@dataclass(frozen=True, slots=True)
class OutgoingStage:
    """The site's instances by class; false if there are none."""

    edit: Chain[OutgoingFilter]
    sign: Chain[OutgoingFilter]

    def __bool__(self) -> bool:
        return bool(self.edit) or bool(self.sign)


async def pass_outgoing(
    stage: OutgoingStage, journal: JournalEntry, entry: OutgoingEntry, content: Content
) -> Edited | Tempfail:
    """The entry and its octets as the whole stage leaves them, or why it cannot be decided now."""
    edited = Edited(entry, content)
    chains: tuple[tuple[OutgoingClass, Chain[OutgoingFilter]], ...] = (
        ("edit", stage.edit),
        ("sign", stage.sign),
    )
    for outgoing_class, chain in chains:
        run = chain.begin(entry.origin.transaction, journal)
        for rule in run.rules:
            answer = await run.ask(rule, _ask, rule.product, outgoing_class, edited)
            if isinstance(answer, Tempfail):
                return answer
            if isinstance(answer, Edited):
                edited = answer
    return edited


async def _ask(
    product: OutgoingFilter, outgoing_class: OutgoingClass, before: Edited
) -> Edited | Continue | Tempfail | None:
    """Ask one instance and carry out its edits, so that a wrong edit counts as its failure.

    Raises:
        ValueError: as `carry_out`.
    """
    answer = await product.check_outgoing(before.entry, before.content)
    if isinstance(answer, Continue) and answer.edits:
        return carry_out(before, answer, outgoing_class)
    return answer


def carry_out(before: Edited, answer: Continue, outgoing_class: OutgoingClass) -> Edited:
    """The entry and its octets after the edits of one instance.

    Raises:
        ValueError: an edit that the class may not ask for, or that cannot stand in a header.
    """
    allowed = ALLOWED[outgoing_class]
    wrong = [type(edit).__name__ for edit in answer.edits if not isinstance(edit, allowed)]
    if wrong:
        raise ValueError(f'{wrong[0]} is not an edit of the class "{outgoing_class}"')
    entry = before.entry
    for edit in answer.edits:
        if isinstance(edit, ChangeSender):
            entry = replace(entry, envelope=replace(entry.envelope, sender=edit.sender))
    content = edit_header(before.content, answer.edits)
    return Edited(entry, content, answer.reason, answer.detail)
