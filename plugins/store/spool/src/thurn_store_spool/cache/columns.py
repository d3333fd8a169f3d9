"""Views: read once, then moved on by what has changed.

A view is made from its kept copy, or from the narrow table in one pass. Later the new messages are
read (UIDs from UIDNEXT on), and the change rows since are applied in their order. New rows already
have what later changes did to them; doing it again gives the same result, since each change sets
bits to fixed values. What this worker has done itself is applied in the same way, without reading.

Rules of this file: within one snapshot; a view that was given out is never touched.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

import apsw
from thurn.plugin import View

from thurn_store_spool.cache.kept import TYPES, MailboxTotals, read_kept_view
from thurn_store_spool.cache.mask import changed_masks, with_bit
from thurn_store_spool.cache.recent import Arrived, RecentOperation
from thurn_store_spool.index.query import select, select_one
from thurn_store_spool.index.row import (
    DELETED,
    LAST_UID,
    SEEN,
    read_highest,
    read_uidnext,
    row_id,
)
from thurn_store_spool.index.schema import open_second
from thurn_store_spool.index.tree import MailboxRow, read_tree
from thurn_store_spool.layout import INDEX
from thurn_store_spool.operation.kind import Expunged, Flagged, decode_operation
from thurn_store_spool.operation.uidset import ranges

_FEW: Final = 8
"""Most ranges that are changed one by one however close they are."""
_SPREAD: Final = 16
"""Messages for each range beyond which ranges are changed one by one; where they are denser, one
pass over all messages from the first to the last is cheaper."""

_ROWS: Final = (
    "SELECT id & 4294967295, flags, modseq, size, received FROM message"
    " WHERE id BETWEEN ? AND ? ORDER BY id"
)

Arrays = list["array[int]"]


@dataclass(slots=True)
class Columns:
    """A view of a mailbox, and the MODSEQ of the account as of which it is the newest."""

    view: View
    as_of: int


def load(connection: apsw.Connection, row: MailboxRow, highest: int) -> Columns:
    """The view of a mailbox, from its kept copy where there is one."""
    kept = read_kept_view(connection, row)
    if kept is None:
        return load_rows(connection, row, highest)
    return advance(connection, Columns(*kept), row, highest)


def load_rows(connection: apsw.Connection, row: MailboxRow, highest: int) -> Columns:
    """The view of a mailbox from its rows."""
    arrays = _read(connection, row.number, 1)
    modseq = select_one(connection, "SELECT modseq FROM mailbox WHERE number = ?", (row.number,))[0]
    modseq = max(modseq, max(arrays[2], default=0))
    return Columns(_view(row, arrays, modseq, read_uidnext(connection, row.number)), highest)


def load_apart(directory: Path, mailbox: int) -> Columns | None:
    """The same on a connection of its own, for a thread; None when the mailbox is gone.

    Raises:
        apsw.Error: the index cannot be read.
    """
    connection = open_second(directory / INDEX)
    if connection is None:
        return None
    try:
        with connection:  # one transaction, so one state
            row = read_tree(connection).by_number.get(mailbox)
            columns = load(connection, row, read_highest(connection)) if row else None
    finally:
        connection.close()
    return columns


def totals_of(view: View) -> MailboxTotals:
    """The totals of a mailbox, counted from its view at the speed of a copy."""
    unseen = len(view) - with_bit(view.flags, SEEN)
    deleted = with_bit(view.flags, DELETED)
    return MailboxTotals(
        len(view), unseen, deleted, sum(view.sizes), view.highestmodseq, view.uidnext
    )


def _read(connection: apsw.Connection, mailbox: int, first_uid: int) -> Arrays:
    bounds = (row_id(mailbox, first_uid), row_id(mailbox, LAST_UID))
    # One flat array and its slices, so that lists of values are never made.
    flat = array("q", chain.from_iterable(connection.execute(_ROWS, bounds)))
    count = len(TYPES)
    return [array(code, flat[at::count]) for at, code in enumerate(TYPES)]


def _view(row: MailboxRow, arrays: Arrays, highestmodseq: int, uidnext: int) -> View:
    uids, flags, modseqs, sizes, received = arrays
    return View(
        mailbox_id=row.id,
        uidvalidity=row.uidvalidity,
        uidnext=uidnext,
        highestmodseq=highestmodseq,
        flag_names=row.flag_names,
        uids=uids,
        flags=flags,
        modseqs=modseqs,
        sizes=sizes,
        received=received,
    )


def advance(
    connection: apsw.Connection, columns: Columns, row: MailboxRow, highest: int
) -> Columns:
    """The columns moved on to now by the index; with the same view when nothing has changed."""
    old = columns.view
    changes = select(
        connection,
        "SELECT modseq, operation FROM change WHERE modseq > ? AND mailbox = ? ORDER BY modseq",
        (columns.as_of, row.number),
    )
    new = _read(connection, row.number, old.uidnext)
    if not changes and not new[0]:
        return Columns(old, highest)
    arrays: Arrays = [old.uids, old.flags, old.modseqs, old.sizes, old.received]
    modseq = max(old.highestmodseq, max(new[2], default=0), changes[-1][0] if changes else 0)
    if new[0]:
        arrays = [before + after for before, after in zip(arrays, new, strict=True)]
    operations = [decode_operation(operation) for _, operation in changes if operation]
    arrays = _apply(arrays, operations, fresh=bool(new[0]))
    return Columns(_view(row, arrays, modseq, read_uidnext(connection, row.number)), highest)


def follow(columns: Columns, recent: Sequence[RecentOperation], highest: int) -> Columns:
    """The columns moved on to now by all that has happened to the mailbox since they were made."""
    if not recent:
        return Columns(columns.view, highest)
    old = columns.view
    arrays: Arrays = [old.uids, old.flags, old.modseqs, old.sizes, old.received]
    new = [one for one in recent if isinstance(one, Arrived)]
    if new:
        rows = [(one.uid, one.flags, one.modseq, one.size, one.received) for one in new]
        added = zip(TYPES, zip(*rows, strict=True), strict=True)
        pairs = zip(arrays, added, strict=True)
        arrays = [before + array(code, column) for before, (code, column) in pairs]
    uidnext = max(old.uidnext, *(_uidnext_floor(one) for one in recent))
    uids, flags, modseqs, sizes, received = _apply(arrays, recent, fresh=bool(new))
    view = View(
        old.mailbox_id,
        old.uidvalidity,
        uidnext,
        recent[-1].modseq,
        old.flag_names,
        uids,
        flags,
        modseqs,
        sizes,
        received,
    )
    return Columns(view, highest)


def _uidnext_floor(one: RecentOperation) -> int:
    """What UIDNEXT is at least, after this operation."""
    if isinstance(one, Arrived):
        return one.uid + 1
    return one.uidnext if isinstance(one, Expunged) else 0


def _apply(arrays: Arrays, operations: Iterable[object], *, fresh: bool) -> Arrays:
    """The arrays after these changes, in order; `fresh`: they may be changed in place."""
    uids, flags, modseqs, sizes, received = arrays
    gone: list[tuple[int, int]] = []
    copied = fresh
    for operation in operations:
        if isinstance(operation, Expunged):
            gone += ranges(operation.uids)
        elif isinstance(operation, Flagged):
            if not copied:
                flags, modseqs, copied = flags[:], modseqs[:], True
            _set_flags(operation, uids, flags, modseqs)
    arrays = [uids, flags, modseqs, sizes, received]
    return _cut(arrays, gone) if gone else arrays


def _set_flags(
    operation: Flagged, uids: array[int], flags: array[int], modseqs: array[int]
) -> None:
    spans = spans_of(uids, ranges(operation.uids))
    if not spans:
        return
    first, end = spans[0][0], spans[-1][1]
    if len(spans) <= _FEW or end - first > _SPREAD * len(spans):
        for low, high in spans:
            flags[low:high] = changed_masks(flags[low:high], operation.clear, operation.set)
            modseqs[low:high] = array("Q", [operation.modseq]) * (high - low)
        return
    marked = bytearray(end - first)
    for low, high in spans:
        marked[low - first : high - first] = b"\1" * (high - low)
    old = flags[first:end]
    rows = zip(changed_masks(old, operation.clear, operation.set), old, marked, strict=True)
    flags[first:end] = array("Q", [mask if mark else before for mask, before, mark in rows])
    modseq, pairs = operation.modseq, zip(modseqs[first:end], marked, strict=True)
    modseqs[first:end] = array("Q", [modseq if mark else before for before, mark in pairs])


def spans_of(uids: array[int], pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans (first and end) at which messages of these ranges stand."""
    spans = []
    for first, last in pairs:
        low = bisect_left(uids, first)
        high = bisect_right(uids, last, low)
        if low < high:
            spans.append((low, high))
    return spans


def _cut(arrays: Arrays, gone: Sequence[tuple[int, int]]) -> Arrays:
    """The arrays without the messages of these ranges."""
    uids = arrays[0]
    spans = spans_of(uids, gone)
    if not spans:
        return arrays
    return [_outside(column, sorted(spans)) for column in arrays]


def _outside(column: array[int], spans: Sequence[tuple[int, int]]) -> array[int]:
    """A copy of the column without these ascending spans."""
    kept = array(column.typecode)
    start = 0
    for low, high in spans:
        if low > start:
            kept += column[start:low]
        start = max(start, high)
    kept += column[start:]
    return kept
