"""A view moved on by what its worker has done itself is what the rows say."""

from __future__ import annotations

import random

import apsw
import pytest
from thurn.plugin import FlagChange
from thurn_store_spool.cache.bounds import RECENT_OPERATION_OCTETS, RECENT_OPERATIONS
from thurn_store_spool.cache.columns import load_rows
from thurn_store_spool.cache.recent import RecentOperations
from thurn_store_spool.index.tree import read_tree
from thurn_store_spool.operation.kind import Annotated, Expunged, Flagged
from thurn_testing.contracts.storesite import ALICE, append

STEPS = 40


def rows_of(bench, name):
    (path,) = bench.directory.glob("accounts/*/*/index.db")
    connection = apsw.Connection(str(path))
    row = read_tree(connection).by_name[name]
    view = load_rows(connection, row, 0).view
    connection.close()
    return view


async def change(account, box, uids, dice):
    """One change; gives UIDs that may be there."""
    some = dice.sample(uids, min(len(uids), dice.choice((1, 3, 30))))
    match dice.randrange(6):
        case 0 | 1:
            stored = await account.append_all(
                [append(f"m{n}", flags=("\\Seen",)) for n in range(dice.randrange(1, 4))]
            )
            return uids + [one.uid for one in stored]
        case 2 | 3:
            flags = [dice.choice(("\\Seen", "\\Deleted", "$Word"))]
            await box.flag(some, dice.choice(list(FlagChange)), flags)
        case 4:
            await box.expunge(some)
        case 5:
            await box.copy(some, dice.choice(("Other", "INBOX")))
    return uids


@pytest.mark.parametrize("seed", range(3))
async def test_several_changes_between_two_looks(bench, seed):
    dice = random.Random(seed)
    async with bench.open() as store, bench.open() as other:
        account, elsewhere = await store.open(ALICE, None), await other.open(ALICE, None)
        await account.create("Other")
        uids = [(await account.append(append("first"))).uid]
        box, same = await account.mailbox("INBOX"), await elsewhere.mailbox("INBOX")
        for _ in range(STEPS):
            for _ in range(dice.choice((1, 2, 5))):
                mine = dice.random() < 0.9
                uids = await change(*((account, box) if mine else (elsewhere, same)), uids, dice)
            assert await box.view() == rows_of(bench, "INBOX")
            assert await same.view() == rows_of(bench, "INBOX")
        for _ in range(RECENT_OPERATIONS + 10):
            await box.flag(uids, dice.choice(list(FlagChange)), ["\\Flagged"])
        assert await box.view() == rows_of(bench, "INBOX")


def flagged(modseq, mailbox=1, uids=b"12345678"):
    return Flagged(modseq, 0, mailbox, uids, 0, 1)


def test_what_is_not_known_is_said():
    recent = RecentOperations()
    assert recent.of(1, 5, 5) is None  # nothing is known of any time
    first, other, third = flagged(6), Expunged(7, 0, 2, b"", 9), flagged(8)
    recent.add([first])
    recent.add([other, third])
    assert recent.of(1, 5, 8) == [first, third]
    assert recent.of(1, 6, 8) == [third]
    assert recent.of(2, 6, 8) == [other]
    assert recent.of(1, 8, 8) == []
    assert recent.of(1, 4, 8) is None  # what came before
    assert recent.of(1, 5, 9) is None  # what others did since
    recent.add([flagged(10)])  # another worker did the ninth
    assert recent.of(1, 8, 10) is None
    assert recent.of(1, 9, 10) == [flagged(10)]
    recent.add([Annotated(11, 0, 1, "/x", None)])  # is not what a view can be moved on by
    assert recent.of(1, 10, 11) is None
    assert recent.of(1, 11, 11) == []
    recent.add([flagged(12, uids=bytes(RECENT_OPERATION_OCTETS + 8))])
    assert recent.of(1, 11, 12) is None


def test_only_few_are_known():
    recent = RecentOperations()
    recent.add(flagged(modseq) for modseq in range(1, RECENT_OPERATIONS + 4))
    highest = RECENT_OPERATIONS + 3
    assert recent.of(1, 2, highest) is None
    assert [one.modseq for one in recent.of(1, 3, highest)] == list(range(4, highest + 1))
