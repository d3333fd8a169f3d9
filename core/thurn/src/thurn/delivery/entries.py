"""What a message leaves in the queue: the entries, each of which passes the stage `outgoing` once.

Rules of this file:
1. An entry has one hop class, because the stage may edit mail for the world in another way than
   mail that stays inside.
2. A copy that waits for an account of this site is an entry without a hop class and passes no
   stage.
3. If the stage cannot decide, submitted mail is answered 4xx; every other entry is committed as it
   was, with the stage pending.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from thurn.chain.supervision import Supervised, Supervision
from thurn.contracts.outgoing import (
    PENDING_OUTGOING,
    EntryKind,
    EntryOrigin,
    HopClass,
    OutgoingEntry,
)
from thurn.contracts.queue import Queue
from thurn.contracts.store import Deposit
from thurn.delivery.copies import Copy
from thurn.delivery.deposits import OwnedDeposit, owned
from thurn.delivery.disposition import Disposition
from thurn.delivery.outgoing import OutgoingStage, pass_outgoing
from thurn.delivery.planned import PlannedEntry, hop_class_of
from thurn.types.content import Content
from thurn.types.decision import Tempfail
from thurn.types.envelope import Envelope
from thurn.types.errors import TemporaryFailure
from thurn.types.identity import AccountId
from thurn.types.session import RELAYED_FOR, JournalEntry, Transaction


def plan_entries(
    kind: EntryKind, transaction: Transaction, content: Content, disposition: Disposition
) -> list[PlannedEntry]:
    """The entries of the message itself: one per hop class for elsewhere, and one of the postponed
    copies."""
    groups: dict[HopClass | None, list[Copy]] = {}
    foreign = [copy for copy in disposition.served if copy.is_foreign]
    for copy in (*foreign, *disposition.postponed):
        groups.setdefault(hop_class_of(copy.target), []).append(copy)
    return [plan_entry(kind, transaction, content, copies, "queue") for copies in groups.values()]


def plan_entry(
    kind: EntryKind,
    transaction: Transaction,
    content: Content,
    copies: Sequence[Copy],
    word: str,
) -> PlannedEntry:
    """The entry of copies of one hop class. `word` makes the keys of two entries of a transaction
    different."""
    session = transaction.session
    hop_class = hop_class_of(copies[0].target)
    recipients = tuple(copy.target.recipient for copy in copies)
    return PlannedEntry(
        Envelope(transaction.sender, recipients, transaction.parameters),
        content,
        EntryOrigin(kind, hop_class, _account_of(transaction), transaction.id, session.listener),
        f"{transaction.id} {word}",
    )


def _account_of(transaction: Transaction) -> AccountId | None:
    """Whose mail it is: the login's, or that of the one account for which a relay rule permitted
    it. None: no account is known, or it may be one of several."""
    if transaction.session.identity is not None:
        return transaction.session.identity.account
    accounts = transaction.stash.get(RELAYED_FOR) or frozenset()
    return next(iter(accounts)) if len(accounts) == 1 else None


async def pass_stage(
    stage: OutgoingStage, journal: JournalEntry, entries: Sequence[PlannedEntry]
) -> list[PlannedEntry] | Tempfail:
    """The entries as the stage `outgoing` leaves them, or the 4xx answer for submitted mail."""
    passed: list[PlannedEntry] = []
    for entry in entries:
        if entry.origin.hop_class is None or not stage:
            passed.append(entry)
            continue
        seen = OutgoingEntry(entry.envelope, entry.origin)
        answer = await pass_outgoing(stage, journal, seen, entry.content)
        if not isinstance(answer, Tempfail):
            envelope, content = answer.entry.envelope, answer.content
            passed.append(replace(entry, envelope=envelope, content=content))
        elif entry.origin.kind is EntryKind.SUBMITTED:
            return answer
        else:
            passed.append(replace(entry, pending_stage=PENDING_OUTGOING))
    return passed


def prepare_entries(
    queue: Supervised[Queue] | None, entries: Sequence[PlannedEntry], supervision: Supervision
) -> list[OwnedDeposit]:
    """The deposits of entries. Raises TemporaryFailure if a queue is needed and the site has
    none."""
    if not entries:
        return []
    if queue is None:
        raise TemporaryFailure("mail for elsewhere or later, and the site has no queue")
    return [
        owned(supervision, queue.callee, partial(_prepare_entry, queue.product, entry))
        for entry in entries
    ]


def _prepare_entry(queue: Queue, entry: PlannedEntry) -> Deposit:
    return queue.prepare(
        entry.envelope,
        entry.content,
        key=entry.key,
        origin=entry.origin,
        pending_stage=entry.pending_stage,
    )
