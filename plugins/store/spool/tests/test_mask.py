"""Columns of flags changed as a whole are what changing each mask gives."""

from __future__ import annotations

from array import array

from hypothesis import example, given, settings
from hypothesis import strategies as st
from thurn_store_spool.cache.mask import changed_masks, differing, runs_of, with_bit
from thurn_store_spool.index.row import ALL_FLAGS, DELETED, SEEN

MASKS = st.integers(0, ALL_FLAGS)
SOME = st.sampled_from((0, 1, 8, 0x101, 1 << 62, ALL_FLAGS)) | MASKS


@settings(max_examples=200, deadline=None)
@example(column=[0, 9, ALL_FLAGS], clear=ALL_FLAGS, wanted=0x108)
@given(column=st.lists(SOME, max_size=12), clear=SOME, wanted=SOME)
def test_a_column_is_changed_as_its_masks_are(column, clear, wanted):
    masks = array("Q", column)
    after = array("Q", [mask & ~clear | wanted for mask in column])
    assert changed_masks(masks, clear, wanted) == after
    found = differing(masks, clear, wanted)
    assert list(found) == [one != other for one, other in zip(masks, after, strict=True)]
    marked = [at for first, end in runs_of(found) for at in range(first, end)]
    assert marked == [at for at, mark in enumerate(found) if mark]
    for bit in (SEEN, DELETED):
        assert with_bit(masks, bit) == sum(bool(mask & bit) for mask in column)
