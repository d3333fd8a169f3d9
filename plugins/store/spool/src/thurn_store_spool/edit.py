"""Changes of messages that are there: flags, expunge, copy, move. Each is work on a draft."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain, compress

from thurn.plugin import CopyResult, FlagChange, StoreResult

from thurn_store_spool.columns import spans_of
from thurn_store_spool.draft import Draft
from thurn_store_spool.mask import marks, runs_of
from thurn_store_spool.operation import Copied, Expunged, Flagged
from thurn_store_spool.perform import ALL_FLAGS, row_id
from thurn_store_spool.query import select
from thurn_store_spool.tree import MailboxRow
from thurn_store_spool.uidset import pack, runs


@dataclass(frozen=True, slots=True)
class _Some:
    """Messages that are there, in UID order, as index-parallel columns.

    Attributes:
        neighbours: no other message stands between them.
    """

    uids: array[int]
    flags: array[int]
    modseqs: array[int]
    neighbours: bool


def _some(draft: Draft, mailbox: int, uids: Collection[int]) -> _Some:
    """Those of the messages that are there."""
    columns = draft.index.columns_now(mailbox)
    if columns is None:
        return _read(draft, mailbox, uids)
    view = columns.view
    spans = _spans(view.uids, uids)
    if len(spans) == 1:
        low, high = spans[0]
        return _Some(view.uids[low:high], view.flags[low:high], view.modseqs[low:high], True)
    found = _Some(array("I"), array("Q"), array("Q"), neighbours=False)
    for low, high in spans:
        found.uids.extend(view.uids[low:high])
        found.flags.extend(view.flags[low:high])
        found.modseqs.extend(view.modseqs[low:high])
    return found


def _spans(here: array[int], uids: Collection[int]) -> list[tuple[int, int]]:
    """Where these UIDs stand, first and end of each span."""
    if isinstance(uids, array) and uids:
        low = bisect_left(here, uids[0])
        if here[low : low + len(uids)] == uids:  # the usual case, at the speed of C
            return [(low, low + len(uids))]
    spans: list[tuple[int, int]] = []
    for low, high in spans_of(here, runs(uids)):
        if spans and spans[-1][1] == low:
            spans[-1] = (spans[-1][0], high)
        else:
            spans.append((low, high))
    return spans


def _read(draft: Draft, mailbox: int, uids: Collection[int]) -> _Some:
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
    return _Some(one, two, three, neighbours=len(spans) == 1)


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
    row = draft.row(mailbox)
    some = _some(draft, mailbox, uids)  # before a new keyword takes a MODSEQ
    mask = draft.mask(row, flags, make=change is not FlagChange.REMOVE)
    wanted = 0 if change is FlagChange.REMOVE else mask
    clear = {FlagChange.ADD: 0, FlagChange.REMOVE: mask, FlagChange.REPLACE: ALL_FLAGS}[change]
    refused: tuple[int, ...] = ()
    if unchanged_since is not None:
        some, refused = _unchanged(some, unchanged_since)
    changed = _changed(some, clear, wanted)
    if not changed:
        return StoreResult(refused, 0)
    modseq, nonce = draft.number()
    draft.do(Flagged(modseq, nonce, mailbox, changed, clear, wanted), mailbox)
    return StoreResult(refused, modseq)


def _unchanged(some: _Some, modseq: int) -> tuple[_Some, tuple[int, ...]]:
    """Those up to a MODSEQ, and the UIDs of the others. RFC 7162 §3.1.3."""
    kept = [one <= modseq for one in some.modseqs]
    if all(kept):
        return some, ()
    refused = tuple(uid for uid, keep in zip(some.uids, kept, strict=True) if not keep)
    columns = (some.uids, some.flags, some.modseqs)
    one, two, three = (array(c.typecode, compress(c, kept)) for c in columns)
    return _Some(one, two, three, neighbours=False), refused


def _changed(some: _Some, clear: int, wanted: int) -> bytes:
    """The packed UIDs of those that the change makes different."""
    marked = marks(some.flags, clear, wanted)
    if not some.neighbours:
        return pack(list(compress(some.uids, marked)))
    # Whoever is named between two of them is not there.
    pairs = [(some.uids[first], some.uids[end - 1]) for first, end in runs_of(marked)]
    return array("I", chain.from_iterable(pairs)).tobytes()


def expunge(
    draft: Draft, mailbox: int, uids: Collection[int], unchanged_since: int | None = None
) -> list[int]:
    """Remove messages; returns those that were there and had not changed, ascending."""
    draft.row(mailbox)
    some = _some(draft, mailbox, uids)
    if unchanged_since is not None:
        some, _ = _unchanged(some, unchanged_since)
    there = some.uids.tolist()
    if there:
        uidnext = draft.index.peek_uid(mailbox)
        draft.do(Expunged(*draft.number(), mailbox, pack(there), uidnext), mailbox)
    return there


def copy(draft: Draft, source: int, uids: Collection[int], name: str) -> CopyResult:
    """Copy in UID order, flags and dates with them."""
    row = draft.row(source)
    target = draft.find(name)
    some = _some(draft, source, uids)
    there = some.uids
    if not there:
        return CopyResult(target.uidvalidity, (), ())
    masks = _translated(draft, row, target, some.flags)
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
    """The same flags by name in the other mailbox's bits."""
    if source.flag_names == target.flag_names:
        return masks
    known: dict[int, int] = {}
    for mask in masks:
        if mask not in known:
            names = [n for bit, n in enumerate(source.flag_names) if mask >> bit & 1]
            known[mask] = draft.mask(draft.row(target.number), names)
    return array("Q", [known[mask] for mask in masks])
