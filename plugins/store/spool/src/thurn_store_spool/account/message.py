"""Changes of messages that are there: flags, expunge, copy, move. Each is work on a draft.

Rules of this file: `mailbox` is a mailbox's number; UIDs that are not there are passed over.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain, compress

from thurn.plugin import CopyResult, FlagChange, StoreResult

from thurn_store_spool.cache.columns import spans_of
from thurn_store_spool.cache.mask import differing, runs_of
from thurn_store_spool.index.query import select
from thurn_store_spool.index.row import ALL_FLAGS, row_id
from thurn_store_spool.index.tree import MailboxRow
from thurn_store_spool.log.draft import Draft
from thurn_store_spool.operation.kind import Copied, Expunged, Flagged
from thurn_store_spool.operation.uidset import pack, runs


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Messages that are there, in UID order, as index-parallel columns.

    Attributes:
        neighbours: no other message stands between them.
    """

    uids: array[int]
    flags: array[int]
    modseqs: array[int]
    neighbours: bool


def _choose(draft: Draft, mailbox: int, uids: Collection[int]) -> _Chosen:
    """Those of the messages that are there."""
    columns = draft.columns(mailbox)
    if columns is None:
        return _read(draft, mailbox, uids)
    view = columns.view
    spans = _spans(view.uids, uids)
    if len(spans) == 1:
        low, high = spans[0]
        return _Chosen(
            view.uids[low:high], view.flags[low:high], view.modseqs[low:high], neighbours=True
        )
    chosen = _Chosen(array("I"), array("Q"), array("Q"), neighbours=False)
    for low, high in spans:
        chosen.uids.extend(view.uids[low:high])
        chosen.flags.extend(view.flags[low:high])
        chosen.modseqs.extend(view.modseqs[low:high])
    return chosen


def _spans(present: array[int], uids: Collection[int]) -> list[tuple[int, int]]:
    """Where these UIDs stand, first and end of each span."""
    if isinstance(uids, array) and uids:
        low = bisect_left(present, uids[0])
        if present[low : low + len(uids)] == uids:  # the usual case, at the speed of C
            return [(low, low + len(uids))]
    spans: list[tuple[int, int]] = []
    for low, high in spans_of(present, runs(uids)):
        if spans and spans[-1][1] == low:
            spans[-1] = (spans[-1][0], high)
        else:
            spans.append((low, high))
    return spans


def _read(draft: Draft, mailbox: int, uids: Collection[int]) -> _Chosen:
    """The same by the index."""
    rows: list[tuple[int, int, int]] = []
    spans = runs(uids)
    for first, last in spans:
        rows += select(
            draft.index.writer,
            "SELECT id & 4294967295, flags, modseq FROM message WHERE id BETWEEN ? AND ?"
            " ORDER BY id",
            (row_id(mailbox, first), row_id(mailbox, last)),
        )
    columns = zip(*rows, strict=True) if rows else ((), (), ())
    one, two, three = map(array, ("I", "Q", "Q"), columns)
    return _Chosen(one, two, three, neighbours=len(spans) == 1)


def change_flags(
    draft: Draft,
    mailbox: int,
    uids: Collection[int],
    change: FlagChange,
    flags: Sequence[str],
    unchanged_since: int | None,
) -> StoreResult:
    """Change flags; only messages for which that is a change take the MODSEQ.

    RFC 9051 §6.4.6, RFC 7162 §3.1.3.
    """
    row = draft.row(mailbox)
    chosen = _choose(draft, mailbox, uids)  # before a new keyword takes a MODSEQ
    mask = draft.mask(row, flags, make=change is not FlagChange.REMOVE)
    wanted = 0 if change is FlagChange.REMOVE else mask
    clear = {FlagChange.ADD: 0, FlagChange.REMOVE: mask, FlagChange.REPLACE: ALL_FLAGS}[change]
    refused: tuple[int, ...] = ()
    if unchanged_since is not None:
        chosen, refused = _unchanged(chosen, unchanged_since)
    changed = _changed(chosen, clear, wanted)
    if not changed:
        return StoreResult(refused, 0)
    modseq, nonce = draft.number()
    draft.do(Flagged(modseq, nonce, mailbox, changed, clear, wanted), mailbox)
    return StoreResult(refused, modseq)


def _unchanged(chosen: _Chosen, modseq: int) -> tuple[_Chosen, tuple[int, ...]]:
    """Those that have not changed after a MODSEQ, and the UIDs of the others. RFC 7162 §3.1.3."""
    is_old = [one <= modseq for one in chosen.modseqs]
    if all(is_old):
        return chosen, ()
    refused = tuple(uid for uid, old in zip(chosen.uids, is_old, strict=True) if not old)
    columns = (chosen.uids, chosen.flags, chosen.modseqs)
    one, two, three = (array(column.typecode, compress(column, is_old)) for column in columns)
    return _Chosen(one, two, three, neighbours=False), refused


def _changed(chosen: _Chosen, clear: int, wanted: int) -> bytes:
    """The packed UIDs of those messages whose flags the change makes different."""
    marked = differing(chosen.flags, clear, wanted)
    if not chosen.neighbours:
        return pack(list(compress(chosen.uids, marked)))
    # No UID between the first and the last of a run belongs to another message.
    pairs = [(chosen.uids[first], chosen.uids[end - 1]) for first, end in runs_of(marked)]
    return array("I", chain.from_iterable(pairs)).tobytes()


def expunge(
    draft: Draft, mailbox: int, uids: Collection[int], unchanged_since: int | None = None
) -> list[int]:
    """Remove messages that have not changed; returns the UIDs of the removed ones, ascending."""
    draft.row(mailbox)
    chosen = _choose(draft, mailbox, uids)
    if unchanged_since is not None:
        chosen, _ = _unchanged(chosen, unchanged_since)
    there = chosen.uids.tolist()
    if there:
        uidnext = draft.index.peek_uid(mailbox)
        draft.do(Expunged(*draft.number(), mailbox, pack(there), uidnext), mailbox)
    return there


def copy(draft: Draft, source: int, uids: Collection[int], name: str) -> CopyResult:
    """Copy in UID order, flags and dates with them."""
    row = draft.row(source)
    target = draft.find(name)
    chosen = _choose(draft, source, uids)
    there = chosen.uids
    if not there:
        return CopyResult(target.uidvalidity, (), ())
    masks = _translated(draft, row, target, chosen.flags)
    first = draft.index.take_uids(target.number, len(there))
    draft.do(
        Copied(
            *draft.number(),
            target.number,
            source,
            pack(there),
            first,
            masks.tobytes(),
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
    draft: Draft, source: MailboxRow, target: MailboxRow, masks: array[int]
) -> array[int]:
    """The masks with the bits that the target has for the same flag names."""
    if source.flag_names == target.flag_names:
        return masks
    known: dict[int, int] = {}
    for mask in masks:
        if mask not in known:
            names = [n for bit, n in enumerate(source.flag_names) if mask >> bit & 1]
            known[mask] = draft.mask(draft.row(target.number), names)
    return array("Q", [known[mask] for mask in masks])
