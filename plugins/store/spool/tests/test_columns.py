"""Views moved on by changes of many ranges, beside the same done message by message."""

from __future__ import annotations

from array import array

from hypothesis import given, settings
from hypothesis import strategies as st
from thurn.plugin import SYSTEM_FLAGS, View
from thurn_store_spool.cache.columns import Columns, follow
from thurn_store_spool.operation.kind import Expunged, Flagged
from thurn_store_spool.operation.uidset import pack

COUNT = 400
UIDS = st.sets(st.integers(1, COUNT), min_size=1, max_size=60).map(sorted)


def columns():
    uids, ones = array("I", range(1, COUNT + 1)), array("Q", [1]) * COUNT
    flags, sizes = array("Q", (uid % 4 for uid in uids)), array("Q", uids)
    received = array("q", uids)
    view = View("M1", 1, COUNT + 1, 1, SYSTEM_FLAGS, uids, flags, ones, sizes, received)
    return Columns(view, 1)


@settings(max_examples=100, deadline=None)
@given(UIDS, UIDS, UIDS)
def test_many_ranges(flagged, gone, gone_later):
    gone_later = sorted(set(gone_later) - set(gone))
    old = columns()
    operations = [
        Flagged(2, 0, 1, pack(flagged), 1, 2),
        Expunged(3, 0, 1, pack(gone), COUNT + 1),
        *([Expunged(4, 0, 1, pack(gone_later), COUNT + 1)] if gone_later else []),
    ]
    view = follow(old, operations, 4).view
    left = [uid for uid in old.view.uids if uid not in {*gone, *gone_later}]
    assert list(view.uids) == list(view.sizes) == list(view.received) == left
    expected = {uid: (uid % 4 & ~1 | 2, 2) if uid in flagged else (uid % 4, 1) for uid in left}
    assert list(zip(view.flags, view.modseqs, strict=True)) == list(expected.values())
    assert list(old.view.flags) == [uid % 4 for uid in old.view.uids]
