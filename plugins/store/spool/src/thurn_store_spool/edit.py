"""Changes of messages that are there: flags, expunge, copy, move. Each is work on a draft."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Sequence

from thurn.contracts.store import CopyResult, FlagChange, StoreResult

from thurn_store_spool.draft import Draft
from thurn_store_spool.operation import Copied, Expunged, Flagged
from thurn_store_spool.perform import ALL_FLAGS, row_id
from thurn_store_spool.query import select
from thurn_store_spool.tree import MailboxRow
from thurn_store_spool.uidset import pack, runs


def _rows(draft: Draft, mailbox: int, uids: Collection[int], columns: str) -> list[tuple[int, ...]]:
    """Some columns of the messages that are there, in UID order."""
    found: list[tuple[int, ...]] = []
    for first, last in runs(uids):
        found += select(
            draft.index.writer,
            f"SELECT {columns} FROM message WHERE id BETWEEN ? AND ? ORDER BY id",  # noqa: S608 - constants
            (row_id(mailbox, first), row_id(mailbox, last)),
        )
    return found


def change_flags(
    draft: Draft,
    mailbox: int,
    uids: Collection[int],
    change: FlagChange,
    flags: Sequence[str],
    unchanged_since: int | None,
) -> StoreResult:
    """Change flags; only messages for which it is a change take the MODSEQ.

    RFC 9051 §6.4.6, RFC 7162 §3.1.3.
    """
    mask = draft.mask(draft.row(mailbox), flags, make=change is not FlagChange.REMOVE)
    wanted = 0 if change is FlagChange.REMOVE else mask
    clear = {FlagChange.ADD: 0, FlagChange.REMOVE: mask, FlagChange.REPLACE: ALL_FLAGS}[change]
    keep = ~clear
    refused: list[int] = []
    changed: list[int] = []
    for uid, old, modseq in _rows(draft, mailbox, uids, "id & 4294967295, flags, modseq"):
        if unchanged_since is not None and modseq > unchanged_since:
            refused.append(uid)
        elif old & keep | wanted != old:
            changed.append(uid)
    if not changed:
        return StoreResult(tuple(refused), 0)
    modseq, nonce = draft.number()
    draft.do(Flagged(modseq, nonce, mailbox, pack(changed), clear, wanted), mailbox)
    return StoreResult(tuple(refused), modseq)


def expunge(draft: Draft, mailbox: int, uids: Collection[int]) -> list[int]:
    """Remove messages; returns those that were there, ascending."""
    draft.row(mailbox)
    there = [uid for (uid,) in _rows(draft, mailbox, uids, "id & 4294967295")]
    if there:
        uidnext = draft.index.peek_uid(mailbox)
        draft.do(Expunged(*draft.number(), mailbox, pack(there), uidnext), mailbox)
    return there


def copy(draft: Draft, source: int, uids: Collection[int], name: str) -> CopyResult:
    """Copy in UID order, flags and dates with them."""
    row = draft.row(source)
    target = draft.find(name)
    rows = _rows(draft, source, uids, "id & 4294967295, flags")
    if not rows:
        return CopyResult(target.uidvalidity, (), ())
    there = [uid for uid, _ in rows]
    masks = _translated(draft, row, target, [mask for _, mask in rows])
    first = draft.index.take_uids(target.number, len(there))
    draft.do(
        Copied(
            *draft.number(),
            target.number,
            source,
            pack(there),
            first,
            array("Q", masks).tobytes(),
        ),
        target.number,
    )
    targets = tuple(range(first, first + len(there)))
    return CopyResult(target.uidvalidity, tuple(there), targets)


def move(draft: Draft, source: int, uids: Collection[int], name: str) -> CopyResult:
    """Copy and expunge. RFC 6851 §3.1."""
    result = copy(draft, source, uids, name)
    if result.source_uids:
        expunge(draft, source, result.source_uids)
    return result


def _translated(
    draft: Draft, source: MailboxRow, target: MailboxRow, masks: list[int]
) -> list[int]:
    """The same flags by name in the other mailbox's bits."""
    if source.flag_names == target.flag_names:
        return masks
    known: dict[int, int] = {}
    for mask in masks:
        if mask not in known:
            names = [n for bit, n in enumerate(source.flag_names) if mask >> bit & 1]
            known[mask] = draft.mask(draft.row(target.number), names)
    return [known[mask] for mask in masks]
